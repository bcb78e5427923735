//! Needs.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use kit::{
    Failure, Scope,
    db::{corrupt, one_row},
    id::{ArticleId, GroupId, NeedId, PartyId, RoundId, SiteId},
};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::domain::{
    conversion::Packaging,
    need::{Batch, Commitment, LineKind, Need},
};

const SELECT: &str = "SELECT id, group_id, round_id, party_id, site_id, article_id, kind, packaging_code, packaging_label,
  packaging_content, base_label, pack_units, quantity, units, reference, needed_by, commitment, withdrawn, version FROM need WHERE ";

#[derive(sqlx::FromRow)]
struct Row {
    id: NeedId,
    group_id: GroupId,
    round_id: RoundId,
    party_id: PartyId,
    site_id: SiteId,
    article_id: ArticleId,
    kind: String,
    packaging_code: String,
    packaging_label: String,
    packaging_content: String,
    base_label: String,
    pack_units: i64,
    quantity: i64,
    units: i64,
    reference: String,
    needed_by: Option<NaiveDate>,
    commitment: Option<String>,
    withdrawn: bool,
    version: i64,
}

impl TryFrom<Row> for Need {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        Ok(Self {
            id: row.id,
            group_id: row.group_id,
            round_id: row.round_id,
            party_id: row.party_id,
            site_id: row.site_id,
            article_id: row.article_id,
            kind: LineKind::from_name(&row.kind).ok_or_else(|| corrupt("need", "kind", row.id))?,
            packaging: Packaging {
                code: row.packaging_code,
                label: row.packaging_label,
                content: row.packaging_content,
                base_label: row.base_label,
                base_units: row.pack_units,
            },
            quantity: row.quantity,
            units: row.units,
            reference: row.reference,
            needed_by: row.needed_by,
            commitment: match row.commitment {
                None => None,
                Some(name) => Some(Commitment::from_name(&name).ok_or_else(|| corrupt("need", "commitment", row.id))?),
            },
            withdrawn: row.withdrawn,
            version: row.version,
        })
    }
}

/// Which needs a list shows.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// The session's group or party: said in the query too, because the two policies together would hide the indexes.
    pub scope: Scope,
    /// Only this round.
    pub round: Option<RoundId>,
    /// Only this member.
    pub party: Option<PartyId>,
}

/// Lets one transaction at a time state needs of a member in a round, so that references meet before they clash.
pub async fn lock_member(
    conn: &mut PgConnection,
    group: GroupId,
    round: RoundId,
    party: PartyId,
) -> Result<(), Failure> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("{group}/{round}/{party}"))
        .execute(conn)
        .await?;
    Ok(())
}

/// As [`lock_member`] for several at once, in one order everywhere.
pub async fn lock_members(
    conn: &mut PgConnection,
    group: GroupId,
    members: BTreeSet<(RoundId, PartyId)>,
) -> Result<(), Failure> {
    let names: BTreeSet<String> =
        members.into_iter().map(|(round, party)| format!("{group}/{round}/{party}")).collect();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name")
        .bind(names.into_iter().collect::<Vec<_>>())
        .execute(conn)
        .await?;
    Ok(())
}

/// References in use, and by which need, of a member in a round.
pub type Taken = HashMap<(RoundId, PartyId), HashMap<String, NeedId>>;

/// Which of the references of some requests are in use already.
pub async fn find_references(
    conn: &mut PgConnection,
    group: GroupId,
    batches: impl Iterator<Item = &Batch>,
) -> Result<Taken, Failure> {
    let (mut rounds, mut parties, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        for need in &batch.needs {
            rounds.push(batch.round_id);
            parties.push(batch.party_id);
            references.push(need.reference.as_str());
        }
    }
    let rows: Vec<(RoundId, PartyId, String, NeedId)> = sqlx::query_as(
        // The limit keeps each a look into the index, whatever the planner believes of a table that fills.
        "SELECT wanted.round_id, wanted.party_id, wanted.reference, n.id
         FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS wanted (round_id, party_id, reference)
         CROSS JOIN LATERAL (
           SELECT n.id FROM need n WHERE n.group_id = $1 AND n.round_id = wanted.round_id AND n.party_id = wanted.party_id
             AND n.reference = wanted.reference LIMIT 1) n",
    )
    .bind(group)
    .bind(rounds)
    .bind(parties)
    .bind(references)
    .fetch_all(conn)
    .await?;
    let mut taken = Taken::new();
    for (round, party, reference, id) in rows {
        taken.entry((round, party)).or_default().insert(reference, id);
    }
    Ok(taken)
}

/// Writes needs, each with who stated it. False when a member has one of the references in the round already: then some are not
/// written, and the transaction is to be given up.
pub async fn insert(conn: &mut PgConnection, group: GroupId, needs: &[(Need, &str)]) -> Result<bool, Failure> {
    let texts = |of: fn(&Need) -> &str| needs.iter().map(|(need, _)| of(need)).collect::<Vec<&str>>();
    let numbers = |of: fn(&Need) -> i64| needs.iter().map(|(need, _)| of(need)).collect::<Vec<i64>>();
    let written = sqlx::query(
        "INSERT INTO need (group_id, id, round_id, party_id, created_by, site_id, article_id, kind, packaging_code,
           packaging_label, packaging_content, base_label, pack_units, quantity, units, reference, needed_by, commitment)
         SELECT $1, new.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
           $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[],
           $17::date[], $18::text[]) AS new
         ON CONFLICT ON CONSTRAINT need_reference_once DO NOTHING",
    )
    .bind(group)
    .bind(needs.iter().map(|(need, _)| need.id).collect::<Vec<NeedId>>())
    .bind(needs.iter().map(|(need, _)| need.round_id).collect::<Vec<RoundId>>())
    .bind(needs.iter().map(|(need, _)| need.party_id).collect::<Vec<PartyId>>())
    .bind(needs.iter().map(|(_, subject)| *subject).collect::<Vec<&str>>())
    .bind(needs.iter().map(|(need, _)| need.site_id).collect::<Vec<SiteId>>())
    .bind(needs.iter().map(|(need, _)| need.article_id).collect::<Vec<ArticleId>>())
    .bind(texts(|need| need.kind.name()))
    .bind(texts(|need| &need.packaging.code))
    .bind(texts(|need| &need.packaging.label))
    .bind(texts(|need| &need.packaging.content))
    .bind(texts(|need| &need.packaging.base_label))
    .bind(numbers(|need| need.packaging.base_units))
    .bind(numbers(|need| need.quantity))
    .bind(numbers(|need| need.units))
    .bind(texts(|need| &need.reference))
    .bind(needs.iter().map(|(need, _)| need.needed_by).collect::<Vec<Option<NaiveDate>>>())
    .bind(needs.iter().map(|(need, _)| need.commitment.map(Commitment::name)).collect::<Vec<Option<&str>>>())
    .execute(conn)
    .await?
    .rows_affected();
    Ok(usize::try_from(written).ok() == Some(needs.len()))
}

/// One need.
pub async fn find(conn: &mut PgConnection, filter: Filter, id: NeedId) -> Result<Option<Need>, Failure> {
    read(conn, filter, id, "").await
}

/// One need that nobody else can change until the transaction ends. Its round is locked before it.
pub async fn lock(conn: &mut PgConnection, filter: Filter, id: NeedId) -> Result<Option<Need>, Failure> {
    read(conn, filter, id, " FOR UPDATE").await
}

async fn read(
    conn: &mut PgConnection,
    filter: Filter,
    id: NeedId,
    lock: &'static str,
) -> Result<Option<Need>, Failure> {
    let mut query = select(filter);
    query.push(" AND id = ").push_bind(id).push(lock);
    query.build_query_as::<Row>().fetch_optional(conn).await?.map(Need::try_from).transpose()
}

/// Needs by id.
pub async fn list(conn: &mut PgConnection, filter: Filter, after: Uuid, limit: i64) -> Result<Vec<Need>, Failure> {
    let mut query = select(filter);
    query.push(" AND id > ").push_bind(after).push(" ORDER BY id LIMIT ").push_bind(limit);
    query.build_query_as::<Row>().fetch_all(conn).await?.into_iter().map(Need::try_from).collect()
}

fn select(filter: Filter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(SELECT);
    match filter.scope {
        Scope::Group(group) => query.push("group_id = ").push_bind(group),
        Scope::Party(party) => query.push("party_id = ").push_bind(party),
        Scope::Deployment => query.push("false"),
    };
    if let Some(round) = filter.round {
        query.push(" AND round_id = ").push_bind(round);
    }
    if let Some(party) = filter.party {
        query.push(" AND party_id = ").push_bind(party);
    }
    query
}

/// Writes what may change of a locked need. `need.version` is the one after the change.
pub async fn save(conn: &mut PgConnection, need: &Need) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE need SET quantity = $3, units = $4, withdrawn = $5, version = $6
         WHERE group_id = $1 AND id = $2 AND version = $6 - 1",
    )
    .bind(need.group_id)
    .bind(need.id)
    .bind(need.quantity)
    .bind(need.units)
    .bind(need.withdrawn)
    .bind(need.version)
    .execute(conn)
    .await?;
    one_row(&result, "need")
}
