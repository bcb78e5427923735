//! The audit finds what was tampered with, whoever did it with whatever rights.

use std::time::Duration;

use e2e::{Stack, small_season};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Tampers, expects the audit to say `expected`, and puts everything back as it was.
async fn found(stack: &Stack, what: &str, tamper: &[&str], undo: &[&str], expected: &str) {
    let mut superuser = stack.superuser().await;
    run(&mut superuser, tamper).await;
    let (clean, said) = stack.audit().await;
    run(&mut superuser, undo).await;
    assert!(!clean, "{what}: the audit did not see it\n{said}");
    assert!(said.contains(expected), "{what}: not explained by « {expected} »\n{said}");
    superuser.close().await.unwrap();
}

async fn run(superuser: &mut PgConnection, statements: &[&str]) {
    // Constraints and triggers do not stop who may do anything.
    sqlx::query("SET session_replication_role = replica").execute(&mut *superuser).await.unwrap();
    for sql in statements {
        let changed = sqlx::query(AssertSqlSafe((*sql).to_owned()))
            .execute(&mut *superuser)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let made = ["CREATE", "DROP", "ALTER"].iter().any(|word| sql.starts_with(word));
        assert!(made || changed.rows_affected() > 0, "changed nothing: {sql}");
    }
}

#[tokio::test]
async fn tampering_with_amounts_events_shares_and_effects_is_found_and_named() {
    let stack = Stack::start("audit", &[]).await;
    let season = stack.season(&small_season()).await;
    assert!(season.status.success(), "{}", season.output);
    // Heads are exported within ten seconds of the last event.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");

    found(
        &stack,
        "a changed amount of one order line",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.order_line WHERE units_delivered > 0 ORDER BY id LIMIT 1",
            "UPDATE demand.order_line SET amount_cents = amount_cents + 1 WHERE id = (SELECT id FROM public.kept)",
        ],
        &[
            "UPDATE demand.order_line SET amount_cents = amount_cents - 1 WHERE id = (SELECT id FROM public.kept)",
            "DROP TABLE public.kept",
        ],
        "bons de commande : total = lignes",
    )
    .await;

    // Every total is changed along: only the log still has the figure of the day.
    let consistent = |sign: &str| {
        format!(
            "WITH picked AS (SELECT * FROM public.kept),
               a AS (UPDATE demand.order_line o SET amount_cents = o.amount_cents {sign} 100 FROM picked p WHERE o.id = p.id),
               b AS (UPDATE demand.order_form o SET amount_cents = o.amount_cents {sign} 100 FROM picked p WHERE o.id = p.order_form_id),
               c AS (UPDATE demand.pooled_line o SET amount_cents = o.amount_cents {sign} 100 FROM picked p WHERE o.id = p.pooled_line_id),
               d AS (UPDATE demand.plan_line o SET amount_cents = o.amount_cents {sign} 100, unit_price = o.unit_price FROM picked p WHERE o.id = p.pooled_line_id)
             UPDATE demand.pooled_order o SET amount_cents = o.amount_cents {sign} 100 FROM picked p WHERE o.id = p.pooled_order_id"
        )
    };
    found(
        &stack,
        "an amount changed with all its totals",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.order_line WHERE units_delivered > 0 ORDER BY id LIMIT 1",
            &consistent("+"),
        ],
        &[&consistent("-"), "DROP TABLE public.kept"],
        "au journal",
    )
    .await;

    found(
        &stack,
        "a doubled share",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.plan_share ORDER BY need_id LIMIT 1",
            "UPDATE demand.plan_share s SET units = s.units * 2, amount_cents = s.amount_cents * 2 FROM public.kept k WHERE s.need_id = k.need_id",
        ],
        &[
            "UPDATE demand.plan_share s SET units = k.units, amount_cents = k.amount_cents FROM public.kept k WHERE s.need_id = k.need_id",
            "DROP TABLE public.kept",
        ],
        "plans : parts = lignes",
    )
    .await;

    found(
        &stack,
        "a changed event",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.event WHERE kind = 'demand.order_placed.v1' LIMIT 1",
            "UPDATE demand.event e SET payload = e.payload || '\\x00'::bytea FROM public.kept k WHERE e.event_id = k.event_id",
        ],
        &["UPDATE demand.event e SET payload = k.payload FROM public.kept k WHERE e.event_id = k.event_id", "DROP TABLE public.kept"],
        "a été modifié",
    )
    .await;

    found(
        &stack,
        "a removed event",
        &[
            "CREATE TABLE public.kept AS SELECT e.* FROM logistics.event e JOIN logistics.event_stamp s USING (event_id) WHERE s.position = 3",
            "DELETE FROM logistics.event e USING public.kept k WHERE e.event_id = k.event_id",
        ],
        &["INSERT INTO logistics.event OVERRIDING SYSTEM VALUE SELECT * FROM public.kept", "DROP TABLE public.kept"],
        "a disparu",
    )
    .await;

    // The whole tail is cut: event, stamp and head, so that the database agrees with itself.
    found(
        &stack,
        "a removed last event, with its position and the chain's head rewritten",
        &[
            "CREATE TABLE public.kept_stamp AS SELECT * FROM tendering.event_stamp ORDER BY position DESC LIMIT 1",
            "CREATE TABLE public.kept AS SELECT e.* FROM tendering.event e JOIN public.kept_stamp USING (event_id)",
            "CREATE TABLE public.kept_head AS SELECT h.* FROM tendering.chain_head h JOIN public.kept_stamp USING (group_id)",
            "DELETE FROM tendering.event e USING public.kept k WHERE e.event_id = k.event_id",
            "DELETE FROM tendering.event_stamp s USING public.kept_stamp k WHERE s.position = k.position",
            "UPDATE tendering.chain_head h SET event_count = event_count - 1, position = s.position, chain = s.chain
             FROM (SELECT s.* FROM tendering.event_stamp s JOIN public.kept_stamp k USING (group_id) ORDER BY s.position DESC LIMIT 1) s
             WHERE h.group_id = s.group_id",
        ],
        &[
            "INSERT INTO tendering.event OVERRIDING SYSTEM VALUE SELECT * FROM public.kept",
            "INSERT INTO tendering.event_stamp SELECT * FROM public.kept_stamp",
            "UPDATE tendering.chain_head h SET event_count = k.event_count, position = k.position, chain = k.chain FROM public.kept_head k WHERE h.group_id = k.group_id",
            "DROP TABLE public.kept, public.kept_stamp, public.kept_head",
        ],
        "l'empreinte exportée connaît la position",
    )
    .await;

    found(
        &stack,
        "an effect booked twice",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.order_line WHERE units_delivered > 0 AND units_delivered * 2 <= 1000000 ORDER BY id LIMIT 1",
            "ALTER TABLE demand.order_line DROP CONSTRAINT order_line_units_conserved",
            "UPDATE demand.order_line o SET units_delivered = o.units_delivered * 2 FROM public.kept k WHERE o.id = k.id",
        ],
        &["UPDATE demand.order_line o SET units_delivered = k.units_delivered FROM public.kept k WHERE o.id = k.id", "DROP TABLE public.kept"],
        "unités livrées",
    )
    .await;

    found(
        &stack,
        "a ceiling that forgot a reservation",
        &["UPDATE tendering.ceiling SET consumed_cents = consumed_cents - 1 WHERE lot_id = (SELECT lot_id FROM tendering.ceiling WHERE consumed_cents > 0 ORDER BY lot_id LIMIT 1)"],
        &["UPDATE tendering.ceiling SET consumed_cents = consumed_cents + 1 WHERE lot_id = (SELECT lot_id FROM tendering.ceiling WHERE consumed_cents > 0 ORDER BY lot_id LIMIT 1)"],
        "plafonds : consommé et réservé",
    )
    .await;

    for (what, expected, column) in [
        ("a raised maximum", "saisis au journal", "tendering.ceiling SET maximum_cents = maximum_cents"),
        (
            "a doubled share of a reservation",
            "parts des bénéficiaires",
            "tendering.reservation_share SET amount_cents = amount_cents",
        ),
        (
            "a member's opening consumption of a lot, raised",
            "consommations des membres = déjà consommé du lot",
            "tendering.lot_consumption SET amount_cents = amount_cents",
        ),
        (
            "an opening consumption that is not what was loaded",
            "consommations : le lot",
            "demand.consumption SET units = units",
        ),
        ("a changed VAT", "TVA par taux", "demand.order_form SET vat_cents = vat_cents"),
        ("an allocation that is not its shares", "répartitions", "logistics.allocation SET units = units"),
        ("a delivery that is not its lines", "livraisons : total", "logistics.delivery SET units = units"),
    ] {
        let one = |sign: &str| format!("UPDATE {column} {sign} 1");
        found(&stack, what, &[&one("+")], &[&one("-")], expected).await;
    }

    found(
        &stack,
        "what had come of an opening order, changed",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.order_line WHERE units_opening > 0 ORDER BY id LIMIT 1",
            "UPDATE demand.order_line o SET units_opening = k.units_opening - 1 FROM public.kept k WHERE o.id = k.id",
        ],
        &[
            "UPDATE demand.order_line o SET units_opening = k.units_opening FROM public.kept k WHERE o.id = k.id",
            "DROP TABLE public.kept",
        ],
        "commande en cours",
    )
    .await;

    // Totals stay: one member's part becomes another's.
    let moved = |sign: &str, back: &str| {
        format!(
            "UPDATE tendering.lot_consumption c SET amount_cents = c.amount_cents + CASE WHEN c.party_id = k.low THEN {sign}100 ELSE {back}100 END
             FROM public.kept k WHERE c.lot_id = k.lot_id AND c.party_id IN (k.low, k.high)"
        )
    };
    found(
        &stack,
        "opening consumption moved from one member to another",
        &[
            "CREATE TABLE public.kept AS SELECT lot_id, min(party_id::text)::uuid AS low, max(party_id::text)::uuid AS high
             FROM tendering.lot_consumption WHERE amount_cents > 100 GROUP BY lot_id HAVING count(*) > 1 LIMIT 1",
            &moved("-", "+"),
        ],
        &[&moved("+", "-"), "DROP TABLE public.kept"],
        "d'ouverture",
    )
    .await;

    found(
        &stack,
        "a member's own code that names another article",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.member_code ORDER BY code LIMIT 1",
            "UPDATE demand.member_code m SET article_id = gen_random_uuid() FROM public.kept k WHERE m.group_id = k.group_id AND m.party_id = k.party_id AND m.code = k.code",
        ],
        &[
            "UPDATE demand.member_code m SET article_id = k.article_id FROM public.kept k WHERE m.group_id = k.group_id AND m.party_id = k.party_id AND m.code = k.code",
            "DROP TABLE public.kept",
        ],
        "codes propres",
    )
    .await;
    consultations(&stack).await;

    let (clean, said) = stack.audit().await;
    assert!(clean, "everything was put back: {said}");
}

/// What was tendered, awarded and priced.
async fn consultations(stack: &Stack) {
    found(
        stack,
        "a need of a census said to be firm afterwards",
        &[
            "CREATE TABLE public.kept AS SELECT * FROM demand.need WHERE commitment = 'INDICATIVE' ORDER BY id LIMIT 1",
            "UPDATE demand.need n SET commitment = 'FIRM' FROM public.kept k WHERE n.id = k.id",
        ],
        &[
            "UPDATE demand.need n SET commitment = 'INDICATIVE' FROM public.kept k WHERE n.id = k.id",
            "DROP TABLE public.kept",
        ],
        "consolidations : empreinte",
    )
    .await;
    let census = |digit: &str| {
        format!(
            "UPDATE tendering.consultation SET dossier = jsonb_set(dossier, '{{census,sha256}}',
               to_jsonb({digit} || substr(dossier #>> '{{census,sha256}}', 2)))
             WHERE id = (SELECT id FROM tendering.consultation ORDER BY id LIMIT 1)"
        )
    };
    let first: String = sqlx::query_scalar(
        "SELECT left(dossier #>> '{census,sha256}', 1) FROM tendering.consultation ORDER BY id LIMIT 1",
    )
    .fetch_one(&mut stack.superuser().await)
    .await
    .unwrap();
    let other = if first == "0" { "'1'" } else { "'0'" };
    found(
        stack,
        "a consultation of another census",
        &[&census(other)],
        &[&census(&format!("'{first}'"))],
        "empreinte du recensement",
    )
    .await;
    let flip = "UPDATE tendering.tender_chunk SET bytes = set_bit(bytes, 900, 1 - get_bit(bytes, 900))
                WHERE tender_id = (SELECT min(id::text)::uuid FROM tendering.tender)";
    found(stack, "a bit of a kept tender", &[flip], &[flip], "fichier gardé").await;
    let rehash = "UPDATE tendering.tender t SET sha256 = (SELECT sha256(string_agg(c.bytes, ''::bytea ORDER BY c.ordinal))
                    FROM tendering.tender_chunk c WHERE c.tender_id = t.id) WHERE id = (SELECT min(id::text)::uuid FROM tendering.tender)";
    found(stack, "a kept tender replaced with its hash", &[flip, rehash], &[flip, rehash], "au journal").await;
    found(
        stack,
        "a lot given to another firm",
        &[
            "CREATE TABLE public.kept AS SELECT l.* FROM tendering.lot l JOIN tendering.consultation c USING (agreement_id) ORDER BY l.id LIMIT 1",
            "UPDATE tendering.lot l SET holder_id = gen_random_uuid() FROM public.kept k WHERE l.id = k.id",
        ],
        &["UPDATE tendering.lot l SET holder_id = k.holder_id FROM public.kept k WHERE l.id = k.id", "DROP TABLE public.kept"],
        "lots = lots attribués",
    )
    .await;
    found(
        stack,
        "an awarded price raised in the catalogue",
        &[
            "CREATE TABLE public.kept AS SELECT p.* FROM catalogue.price p JOIN tendering.consultation c USING (agreement_id) ORDER BY p.id LIMIT 1",
            "UPDATE catalogue.price p SET tier_unit_prices[1] = p.tier_unit_prices[1] + 0.000001 FROM public.kept k WHERE p.id = k.id",
        ],
        &["UPDATE catalogue.price p SET tier_unit_prices = k.tier_unit_prices FROM public.kept k WHERE p.id = k.id", "DROP TABLE public.kept"],
        "prix attribués",
    )
    .await;
}
