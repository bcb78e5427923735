//! Decisions of the assembly with their votes.

use chrono::NaiveDate;
use kit::{
    Failure,
    db::{corrupt, one_row},
    id::{DecisionId, GroupId, PartyId},
};
use sqlx::{PgConnection, types::Json};

use super::named;
use crate::domain::{
    Dated, MemberKind, Page, Reason,
    mandate::{Election, Office},
    voting::{Ballot, Choice, DecisionRule, Outcome, State, Subject, Tally},
};

/// What is decided about, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motion {
    /// Subject.
    pub subject: Subject,
    /// Title.
    pub title: String,
    /// The text voted.
    pub resolution: String,
    /// The day of the assembly.
    pub on: NaiveDate,
    /// Whether it was called a second time.
    pub second_call: bool,
    /// Of an election.
    pub office: Option<Office>,
    /// Of an election or an admission.
    pub candidate: Option<PartyId>,
    /// Of an admission: as what, from when.
    pub admission: Option<(MemberKind, NaiveDate)>,
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Id.
    pub id: DecisionId,
    /// Legal number.
    pub number: String,
    /// What was decided about.
    pub motion: Motion,
    /// What became of it, with figures and reasons.
    pub outcome: Outcome,
    /// SHA-256 of the minutes.
    pub minutes: Option<Vec<u8>>,
}

/// Inserts a decision with its ballots.
///
/// # Errors
/// When the database is away.
pub async fn insert(
    conn: &mut PgConnection,
    group: GroupId,
    decision: &Decision,
    rule: &Dated<DecisionRule>,
    ballots: &[Ballot],
) -> Result<(), Failure> {
    let motion = &decision.motion;
    sqlx::query(
        "INSERT INTO decision (group_id, decision_id, number, subject, title, resolution, decided_on, second_call, office,
           candidate_party_id, candidate_kind, effect_from, state, rule, rule_source, tallies, reasons)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(group)
    .bind(decision.id)
    .bind(&decision.number)
    .bind(motion.subject.name())
    .bind(&motion.title)
    .bind(&motion.resolution)
    .bind(motion.on)
    .bind(motion.second_call)
    .bind(motion.office.map(Office::name))
    .bind(motion.candidate)
    .bind(motion.admission.map(|(kind, _)| kind.name()))
    .bind(motion.admission.map(|(_, from)| from))
    .bind(decision.outcome.state.name())
    .bind(Json(&rule.body))
    .bind(&rule.source)
    .bind(Json(&decision.outcome.tallies))
    .bind(Json(&decision.outcome.reasons))
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO decision_vote (group_id, decision_id, party_id, college, votes, choice, represented_by)
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::uuid[])",
    )
    .bind(group)
    .bind(decision.id)
    .bind(ballots.iter().map(|ballot| ballot.party).collect::<Vec<_>>())
    .bind(ballots.iter().map(|ballot| ballot.college.as_str()).collect::<Vec<_>>())
    .bind(ballots.iter().map(|ballot| ballot.votes).collect::<Vec<_>>())
    .bind(ballots.iter().map(|ballot| ballot.choice.name()).collect::<Vec<_>>())
    .bind(ballots.iter().map(|ballot| ballot.represented_by).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    decision_id: DecisionId,
    number: String,
    subject: String,
    title: String,
    resolution: String,
    decided_on: NaiveDate,
    second_call: bool,
    office: Option<String>,
    candidate_party_id: Option<PartyId>,
    candidate_kind: Option<String>,
    effect_from: Option<NaiveDate>,
    state: String,
    tallies: Json<Vec<Tally>>,
    reasons: Json<Vec<Reason>>,
    minutes_sha256: Option<Vec<u8>>,
}

impl TryFrom<Row> for Decision {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("decision", column, row.decision_id);
        let kind = match &row.candidate_kind {
            Some(kind) => Some(named(&MemberKind::ALL, MemberKind::name, kind).ok_or_else(|| bad("candidate_kind"))?),
            None => None,
        };
        let office = match &row.office {
            Some(office) => Some(named(&Office::ALL, Office::name, office).ok_or_else(|| bad("office"))?),
            None => None,
        };
        Ok(Self {
            id: row.decision_id,
            number: row.number,
            motion: Motion {
                subject: named(&Subject::ALL, Subject::name, &row.subject).ok_or_else(|| bad("subject"))?,
                title: row.title,
                resolution: row.resolution,
                on: row.decided_on,
                second_call: row.second_call,
                office,
                candidate: row.candidate_party_id,
                admission: kind.zip(row.effect_from),
            },
            outcome: Outcome {
                state: named(&State::ALL, State::name, &row.state).ok_or_else(|| bad("state"))?,
                tallies: row.tallies.0,
                reasons: row.reasons.0,
            },
            minutes: row.minutes_sha256,
        })
    }
}

const COLUMNS: &str =
    "decision_id, number, subject, title, resolution, decided_on, second_call, office, candidate_party_id,
  candidate_kind, effect_from, state, tallies, reasons, minutes_sha256";

/// One decision.
///
/// # Errors
/// When the database is away.
pub async fn find(conn: &mut PgConnection, group: GroupId, id: DecisionId) -> Result<Option<Decision>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM decision WHERE group_id = $1 AND decision_id = $2");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).fetch_optional(conn).await?;
    row.map(Decision::try_from).transpose()
}

/// One decision, locked.
///
/// # Errors
/// When another change takes too long, or the database is away.
pub async fn lock(conn: &mut PgConnection, group: GroupId, id: DecisionId) -> Result<Option<Decision>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM decision WHERE group_id = $1 AND decision_id = $2 FOR NO KEY UPDATE");
    let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(group).bind(id).fetch_optional(conn).await?;
    row.map(Decision::try_from).transpose()
}

/// A page of decisions, last recorded first; of one subject or all.
///
/// # Errors
/// When the database is away.
pub async fn list(
    conn: &mut PgConnection,
    group: GroupId,
    subject: Option<Subject>,
    page: Page<DecisionId>,
) -> Result<Vec<Decision>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM decision WHERE group_id = $1 AND ($2::text IS NULL OR subject = $2)
           AND ($3::uuid IS NULL OR decision_id < $3) ORDER BY decision_id DESC LIMIT $4"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(group)
        .bind(subject.map(Subject::name))
        .bind(page.after)
        .bind(page.rows_to_read())
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(Decision::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct VoteRow {
    party_id: PartyId,
    name: String,
    college: String,
    votes: i64,
    choice: String,
    represented_by: Option<PartyId>,
}

/// The ballots of a decision with members' names, by name.
///
/// # Errors
/// When the database is away.
pub async fn votes(conn: &mut PgConnection, group: GroupId, id: DecisionId) -> Result<Vec<(Ballot, String)>, Failure> {
    let rows: Vec<VoteRow> = sqlx::query_as(
        "SELECT v.party_id, p.name, v.college, v.votes, v.choice, v.represented_by FROM decision_vote v JOIN party p USING (party_id)
         WHERE v.group_id = $1 AND v.decision_id = $2 ORDER BY p.name, v.party_id",
    )
    .bind(group)
    .bind(id)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let choice = named(&Choice::ALL, Choice::name, &row.choice)
                .ok_or_else(|| corrupt("decision_vote", "choice", row.party_id))?;
            let ballot = Ballot {
                party: row.party_id,
                college: row.college,
                votes: row.votes,
                choice,
                represented_by: row.represented_by,
            };
            Ok((ballot, row.name))
        })
        .collect()
}

/// Attaches the minutes of a locked decision.
///
/// # Errors
/// When the database is away.
pub async fn attach_minutes(
    conn: &mut PgConnection,
    group: GroupId,
    id: DecisionId,
    sha256: &[u8],
) -> Result<(), Failure> {
    let result = sqlx::query(
        "UPDATE decision SET minutes_sha256 = $3 WHERE group_id = $1 AND decision_id = $2 AND minutes_sha256 IS NULL",
    )
    .bind(group)
    .bind(id)
    .bind(sha256)
    .execute(conn)
    .await?;
    one_row(&result, "decision")
}

/// What a mandate needs to know of a decision.
#[must_use]
pub fn as_election(decision: &Decision) -> Election {
    Election {
        subject: decision.motion.subject,
        office: decision.motion.office,
        candidate: decision.motion.candidate,
        state: decision.outcome.state,
        on: decision.motion.on,
        number: decision.number.clone(),
    }
}

/// Adopted admissions of some parties: who, as what, from which day on.
///
/// # Errors
/// When the database is away.
pub async fn admissions(
    conn: &mut PgConnection,
    group: GroupId,
    parties: &[PartyId],
) -> Result<Vec<(PartyId, String, NaiveDate)>, Failure> {
    Ok(sqlx::query_as(
        "SELECT candidate_party_id, candidate_kind, effect_from FROM decision
         WHERE group_id = $1 AND subject = 'ADMISSION' AND state = 'ADOPTED' AND candidate_party_id = ANY ($2)",
    )
    .bind(group)
    .bind(parties)
    .fetch_all(conn)
    .await?)
}
