//! Who there is, what there is, and whose it is: read from the season's files and, past all policies, from the database.

use std::collections::{BTreeSet, HashMap, HashSet};

use e2e::{Stack, small_season};
use futures::{StreamExt as _, stream};
use kit::identity::Role;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The five schemas, as an SQL list.
pub const SCHEMAS: &str = "('membership', 'catalogue', 'tendering', 'demand', 'logistics')";

/// A role of a person, in a group or across groups, for a party or none.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub role: Role,
    pub group: Option<Uuid>,
    pub party: Option<Uuid>,
}

/// Somebody with an account.
#[derive(Debug)]
pub struct Person {
    pub login: String,
    pub token: String,
    pub grants: Vec<Grant>,
}

/// Something that a path or a query names.
#[derive(Debug, Clone)]
pub struct Thing {
    /// As the API writes it.
    pub id: String,
    /// Whose it is; none for reference data.
    pub group: Option<Uuid>,
    /// Members that have a part in it. None at all: every member of the group.
    pub members: Vec<Uuid>,
    /// The supplier that may know of it.
    pub supplier: Option<Uuid>,
    /// The platform's operator.
    pub operator: Option<Uuid>,
}

/// The stack's world.
#[derive(Debug)]
pub struct World {
    pub people: Vec<Person>,
    /// Groups by their key.
    pub groups: HashMap<String, Uuid>,
    /// Parties by their key.
    pub parties: HashMap<String, Uuid>,
    /// Things by the name of the parameter that takes them.
    pub things: HashMap<&'static str, Vec<Thing>>,
    /// Every id that belongs to one group, of whatever kind.
    pub owned: HashMap<Uuid, Uuid>,
    /// Groups with which a party has to do.
    pub groups_of: HashMap<Uuid, BTreeSet<Uuid>>,
    /// A site, an article and its packaging with which each member has stated a need.
    pub needs_of: HashMap<Uuid, (Uuid, Uuid, String)>,
    /// A line of each pooled order.
    pub pooled_lines: HashMap<String, Uuid>,
    /// The site of a platform.
    pub platform_site: Uuid,
    /// Published consultations: public documents, whoever reads.
    pub published: HashSet<Uuid>,
    /// Snapshots of a census.
    pub censuses: HashSet<String>,
}

static WORLD: OnceCell<World> = OnceCell::const_new();

/// The shared stack's world, read once: everybody's login counts in the limit of logins.
pub async fn world(stack: &Stack) -> &'static World {
    WORLD.get_or_init(|| World::read(stack)).await
}

impl World {
    async fn read(stack: &Stack) -> Self {
        super::governed::prepare(stack).await;
        let mut db = stack.superuser().await;
        let groups = keyed(&mut db, "SELECT key, group_id FROM membership.buying_group").await;
        let parties = keyed(&mut db, "SELECT key, party_id FROM membership.party").await;
        let needs: Vec<(Uuid, Uuid, Uuid, String)> = all(
            &mut db,
            "SELECT DISTINCT ON (party_id) party_id, site_id, article_id, packaging_code FROM demand.need ORDER BY party_id, id",
        )
        .await;
        let lines: Vec<(Uuid, Uuid)> = all(
            &mut db,
            "SELECT DISTINCT ON (pooled_order_id) pooled_order_id, id FROM demand.pooled_line ORDER BY 1, 2",
        )
        .await;
        let world = Self {
            people: people(stack, &groups, &parties).await,
            things: things(&mut db).await,
            owned: owned(&mut db).await,
            groups_of: groups_of(&mut db).await,
            needs_of: needs
                .into_iter()
                .map(|(party, site, article, packaging)| (party, (site, article, packaging)))
                .collect(),
            pooled_lines: lines.into_iter().map(|(order, line)| (text("por", order), line)).collect(),
            platform_site: scalar(&mut db, "SELECT platform_site_id FROM membership.buying_group WHERE key = 'ght'")
                .await,
            published: all::<(Uuid,)>(&mut db, "SELECT id FROM tendering.consultation WHERE published_at IS NOT NULL")
                .await
                .into_iter()
                .map(|(id,)| id)
                .collect(),
            censuses: all::<(Uuid,)>(
                &mut db,
                "SELECT s.id FROM demand.snapshot s JOIN demand.round r ON r.group_id = s.group_id AND r.id = s.round_id
                 WHERE r.kind = 'CENSUS'",
            )
            .await
            .into_iter()
            .map(|(id,)| text("snp", id))
            .collect(),
            groups,
            parties,
        };
        assert!(world.groups.len() == 2 && world.people.len() == 26, "{} people", world.people.len());
        for thing in world.things.values().flatten().filter(|thing| thing.group.is_some()) {
            let id = Uuid::try_parse(thing.id.split_once('_').unwrap().1).unwrap();
            assert_eq!(world.owned.get(&id).copied(), thing.group, "{} is not known to be its group's", thing.id);
        }
        world
    }

    pub fn person(&self, login: &str) -> &Person {
        self.people.iter().find(|person| person.login == login).unwrap_or_else(|| panic!("no {login}"))
    }
}

/// An id as the API writes it.
pub fn text(prefix: &str, id: Uuid) -> String {
    format!("{prefix}_{}", id.simple())
}

/// Every UUID in a text, in either form.
pub fn uuids(text: &str) -> HashSet<Uuid> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
        .filter(|word| word.len() >= 32)
        .filter_map(|word| Uuid::try_parse(word).ok())
        .collect()
}

async fn all<T>(db: &mut PgConnection, sql: &str) -> Vec<T>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    sqlx::query_as(AssertSqlSafe(sql.to_owned())).fetch_all(db).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

async fn scalar(db: &mut PgConnection, sql: &'static str) -> Uuid {
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

async fn keyed(db: &mut PgConnection, sql: &str) -> HashMap<String, Uuid> {
    all::<(String, Uuid)>(db, sql).await.into_iter().collect()
}

/// Everybody of the season's `grants.csv`, with a token.
async fn people(stack: &Stack, groups: &HashMap<String, Uuid>, parties: &HashMap<String, Uuid>) -> Vec<Person> {
    let file = std::fs::read_to_string(small_season().join("grants.csv")).unwrap();
    let mut found: Vec<Person> = Vec::new();
    for line in file.lines().skip(1) {
        let [login, role, group, party] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let grant = Grant {
            role: *Role::ALL.iter().find(|known| known.name() == role).unwrap(),
            group: (!group.is_empty()).then(|| groups[group]),
            party: (!party.is_empty()).then(|| parties[party]),
        };
        match found.iter_mut().find(|person| person.login == login) {
            Some(person) => person.grants.push(grant),
            None => found.push(Person { login: login.to_owned(), token: String::new(), grants: vec![grant] }),
        }
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    stream::iter(found)
        .map(|person| {
            let http = &http;
            async move { Person { token: token(stack, http, &person.login).await, ..person } }
        })
        .buffered(4)
        .collect()
        .await
}

async fn token(stack: &Stack, http: &reqwest::Client, login: &str) -> String {
    let first = login == stack.var("CENTRALE_BOOTSTRAP_ADMIN_LOGIN");
    let password = if first { stack.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD") } else { Stack::PASSWORD };
    let answer = http
        .post(format!("{}/oauth2/token", stack.var("CENTRALE_URL")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=password&username={login}&password={password}"))
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{login}: {answer}")).to_owned()
}

/// Group, id, members, supplier, operator.
type ThingRow = (Uuid, Uuid, Vec<Uuid>, Option<Uuid>, Option<Uuid>);

async fn things(db: &mut PgConnection) -> HashMap<&'static str, Vec<Thing>> {
    const EACH: [(&str, &str, &str); 15] = [
        ("decision_id", "dcs", "SELECT group_id, decision_id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM membership.decision"),
        ("mandate_id", "mnd", "SELECT group_id, mandate_id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM membership.mandate"),
        ("invoice_id", "inv", "SELECT group_id, invoice_id, ARRAY[party_id], NULL::uuid, NULL::uuid FROM membership.contribution_invoice"),
        ("agreement_id", "agr", "SELECT group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM tendering.agreement"),
        ("lot_id", "lot", "SELECT group_id, id, '{}'::uuid[], holder_id, NULL::uuid FROM tendering.lot"),
        ("consultation_id", "cns", "SELECT group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM tendering.consultation"),
        ("delegation_id", "dlg", "SELECT group_id, delegation_id, ARRAY[delegator_party_id, to_party_id], NULL::uuid, NULL::uuid FROM membership.delegation WHERE to_party_id IS NOT NULL"),
        ("round_id", "rnd", "SELECT group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM demand.round"),
        ("snapshot_id", "snp", "SELECT group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM demand.snapshot"),
        ("plan_id", "pln", "SELECT group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM demand.plan"),
        ("plan_line_id", "pll", "SELECT DISTINCT ON (group_id) group_id, id, '{}'::uuid[], NULL::uuid, NULL::uuid FROM demand.plan_line ORDER BY group_id, id"),
        ("need_id", "ned", "SELECT DISTINCT ON (group_id, party_id) group_id, id, ARRAY[party_id], NULL::uuid, NULL::uuid FROM demand.need ORDER BY group_id, party_id, id"),
        (
            "pooled_order_id",
            "por",
            "SELECT o.group_id, o.id, array(SELECT DISTINCT l.party_id FROM demand.order_line l WHERE l.group_id = o.group_id AND l.pooled_order_id = o.id),
               CASE WHEN o.state IN ('PLACED', 'ANSWERED') THEN o.supplier_id END, NULL::uuid FROM demand.pooled_order o",
        ),
        (
            "shipment_id",
            "shp",
            "SELECT DISTINCT ON (group_id, supplier_id, operator_party_id) group_id, shipment_id, '{}'::uuid[], supplier_id, operator_party_id
             FROM logistics.shipment ORDER BY group_id, supplier_id, operator_party_id, shipment_id",
        ),
        (
            "delivery_id",
            "dlv",
            "SELECT DISTINCT ON (group_id, party_id, operator_party_id, direct_supplier_id) group_id, delivery_id, ARRAY[party_id], direct_supplier_id, operator_party_id
             FROM logistics.delivery ORDER BY group_id, party_id, operator_party_id, direct_supplier_id, delivery_id",
        ),
    ];
    let mut found = HashMap::new();
    for (parameter, prefix, sql) in EACH {
        let rows: Vec<ThingRow> = all(db, sql).await;
        let of_groups: BTreeSet<Uuid> = rows.iter().map(|row| row.0).collect();
        assert_eq!(of_groups.len(), 2, "{parameter}: both groups have some");
        let thing = |(group, id, members, supplier, operator)| Thing {
            id: text(prefix, id),
            group: Some(group),
            members,
            supplier,
            operator,
        };
        found.insert(parameter, rows.into_iter().map(thing).collect());
    }
    let anybodys =
        |id: &str| Thing { id: id.to_owned(), group: None, members: Vec::new(), supplier: None, operator: None };
    found.insert("service", ["membership", "catalogue", "tendering", "demand", "logistics"].map(anybodys).to_vec());
    found.insert("code", vec![anybodys("NOT_FOUND")]);
    found.insert("key", ["ght", "gcs"].map(anybodys).to_vec());
    let article: Uuid = scalar(db, "SELECT min(id::text)::uuid FROM catalogue.article").await;
    found.insert("ref", vec![anybodys(&text("art", article))]);
    found
}

/// Every UUID in a table under a policy that occurs in one group only and in no reference table, with its group.
async fn owned(db: &mut PgConnection) -> HashMap<Uuid, Uuid> {
    let columns: Vec<(String, String, bool, bool)> = all(
        db,
        &format!(
            "SELECT c.relnamespace::regnamespace || '.' || c.relname, a.attname::text, c.relrowsecurity,
               EXISTS (SELECT FROM pg_attribute g WHERE g.attrelid = c.oid AND g.attname = 'group_id')
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace::regnamespace::text IN {SCHEMAS}"
        ),
    )
    .await;
    let (mut owners, mut shared): (HashMap<Uuid, BTreeSet<Uuid>>, HashSet<Uuid>) = Default::default();
    for (table, column, secured, grouped) in columns {
        if secured && grouped {
            let rows: Vec<(Uuid, Uuid)> =
                all(db, &format!("SELECT DISTINCT {column}, group_id FROM {table} WHERE {column} IS NOT NULL")).await;
            for (id, group) in rows {
                owners.entry(id).or_default().insert(group);
            }
        } else if !secured {
            let rows: Vec<(Uuid,)> =
                all(db, &format!("SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")).await;
            shared.extend(rows.into_iter().map(|row| row.0));
        }
    }
    let groups: Vec<(Uuid,)> = all(db, "SELECT group_id FROM membership.buying_group").await;
    let mut owned = HashMap::new();
    for (id, of) in owners {
        let of: Vec<Uuid> = of.into_iter().collect();
        if let [group] = of[..]
            && !group.is_nil()
            && !shared.contains(&id)
        {
            owned.insert(id, group);
        }
    }
    // A group's own id is in the public list of groups, but nowhere in what another group has.
    owned.extend(groups.into_iter().map(|(group,)| (group, group)));
    owned
}

async fn groups_of(db: &mut PgConnection) -> HashMap<Uuid, BTreeSet<Uuid>> {
    let rows: Vec<(Uuid, Uuid)> = all(
        db,
        "SELECT party_id, group_id FROM membership.member UNION SELECT awarding_party_id, group_id FROM membership.buying_group
         UNION SELECT party_id, group_id FROM tendering.agreement_party UNION SELECT party_id, group_id FROM tendering.tender_party UNION SELECT supplier_id, group_id FROM demand.pooled_order
         UNION SELECT operator_party_id, group_id FROM logistics.expected_order WHERE operator_party_id IS NOT NULL",
    )
    .await;
    let mut found: HashMap<Uuid, BTreeSet<Uuid>> = HashMap::new();
    for (party, group) in rows {
        found.entry(party).or_default().insert(group);
    }
    found
}
