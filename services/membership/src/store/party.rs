//! Parties.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{Failure, db::corrupt, id::PartyId};
use sqlx::PgConnection;

use super::named;
use crate::domain::{BuyerStatus, Finess, Gln, Key, Party, PartyKind, PartyRef, Siret};

#[derive(sqlx::FromRow)]
struct Row {
    party_id: PartyId,
    key: String,
    kind: String,
    name: String,
    siret: Option<String>,
    finess: Option<String>,
    gln: Option<String>,
    buyer_status: Option<String>,
    buyer_status_evidence: String,
    buyer_status_on: Option<NaiveDate>,
    contact_email: Option<String>,
}

impl TryFrom<Row> for Party {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("party", column, row.party_id);
        Ok(Self {
            id: row.party_id,
            key: Key::parse(&row.key).map_err(|_| bad("key"))?,
            kind: named(&PartyKind::ALL, PartyKind::name, &row.kind).ok_or_else(|| bad("kind"))?,
            siret: row.siret.as_deref().map(Siret::parse).transpose().map_err(|_| bad("siret"))?,
            finess: row.finess.as_deref().map(Finess::parse).transpose().map_err(|_| bad("finess"))?,
            gln: row.gln.as_deref().map(Gln::parse).transpose().map_err(|_| bad("gln"))?,
            buyer_status: row
                .buyer_status
                .as_deref()
                .map(|status| buyer_status(status).ok_or_else(|| bad("buyer_status")))
                .transpose()?,
            name: row.name,
            buyer_status_evidence: row.buyer_status_evidence,
            buyer_status_on: row.buyer_status_on,
            contact_email: row.contact_email,
        })
    }
}

pub(super) fn buyer_status(name: &str) -> Option<BuyerStatus> {
    named(&BuyerStatus::ALL, BuyerStatus::name, name)
}

/// Lets one registration of parties at a time go on; readers do not notice. So what it has checked stays true until it commits.
///
/// # Errors
/// When another registration takes too long, or the database is away.
pub async fn lock_registry(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("LOCK TABLE party IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// What a party may be found by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alike<'a> {
    /// Its key.
    pub key: Option<&'a Key>,
    /// Its number in the register of companies.
    pub siret: Option<&'a Siret>,
    /// Its number in the register of health establishments.
    pub finess: Option<&'a Finess>,
    /// Its GS1 location number.
    pub gln: Option<&'a Gln>,
}

impl<'a> From<&'a Party> for Alike<'a> {
    fn from(party: &'a Party) -> Self {
        let Party { key, siret, finess, gln, .. } = party;
        Self { key: Some(key), siret: siret.as_ref(), finess: finess.as_ref(), gln: gln.as_ref() }
    }
}

/// The parties that have the key or a number of one of these.
///
/// # Errors
/// When the database is away.
pub async fn list_alike(conn: &mut PgConnection, parties: &[Alike<'_>]) -> Result<Vec<Party>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM party WHERE key = ANY ($1) OR siret = ANY ($2) OR finess = ANY ($3) OR gln = ANY ($4)",
    )
    .bind(parties.iter().filter_map(|party| party.key).map(Key::as_str).collect::<Vec<_>>())
    .bind(parties.iter().filter_map(|party| party.siret).map(Siret::as_str).collect::<Vec<_>>())
    .bind(parties.iter().filter_map(|party| party.finess).map(Finess::as_str).collect::<Vec<_>>())
    .bind(parties.iter().filter_map(|party| party.gln).map(Gln::as_str).collect::<Vec<_>>())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Party::try_from).collect()
}

/// Inserts parties or updates those whose id is there.
///
/// # Errors
/// When the database is away.
pub async fn save_all(conn: &mut PgConnection, parties: &[Party]) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO party (party_id, key, kind, name, siret, finess, gln, buyer_status, buyer_status_evidence, buyer_status_on,
           contact_email)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
           $9::text[], $10::date[], $11::text[])
         ON CONFLICT (party_id) DO UPDATE SET name = excluded.name, siret = excluded.siret, finess = excluded.finess,
           gln = excluded.gln, buyer_status = excluded.buyer_status,
           buyer_status_evidence = excluded.buyer_status_evidence, buyer_status_on = excluded.buyer_status_on,
           contact_email = excluded.contact_email",
    )
    .bind(parties.iter().map(|party| party.id).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.key.as_str()).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.kind.name()).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.name.as_str()).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.siret.as_ref().map(Siret::as_str)).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.finess.as_ref().map(Finess::as_str)).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.gln.as_ref().map(Gln::as_str)).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.buyer_status.map(BuyerStatus::name)).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.buyer_status_evidence.as_str()).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.buyer_status_on).collect::<Vec<_>>())
    .bind(parties.iter().map(|party| party.contact_email.as_deref()).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The parties that references name; those that name nothing are left out.
///
/// # Errors
/// When the database is away.
pub async fn find_by_refs<'r>(
    conn: &mut PgConnection,
    refs: impl IntoIterator<Item = &'r PartyRef>,
) -> Result<HashMap<PartyRef, Party>, Failure> {
    let (mut ids, mut keys, mut sirets, mut finesses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for reference in refs {
        match reference {
            PartyRef::Id(id) => ids.push(*id),
            PartyRef::Key(key) => keys.push(key.as_str()),
            PartyRef::Siret(siret) => sirets.push(siret.as_str()),
            PartyRef::Finess(finess) => finesses.push(finess.as_str()),
        }
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM party WHERE party_id = ANY ($1) OR key = ANY ($2) OR finess = ANY ($4) OR siret = ANY ($3)
           OR party_id IN (SELECT c.party_id FROM identity_change c WHERE c.siret = ANY ($3))",
    )
    .bind(ids)
    .bind(keys)
    .bind(&sirets)
    .bind(finesses)
    .fetch_all(&mut *conn)
    .await?;
    let mut found = HashMap::new();
    for row in rows {
        let party = Party::try_from(row)?;
        for reference in party.refs() {
            found.insert(reference, party.clone());
        }
    }
    // A SIRET that it was given later names it too.
    if !sirets.is_empty() {
        let later: Vec<(String, PartyId)> =
            sqlx::query_as("SELECT siret, party_id FROM identity_change WHERE siret = ANY ($1)")
                .bind(&sirets)
                .fetch_all(conn)
                .await?;
        for (siret, id) in later {
            let party = found.get(&PartyRef::Id(id)).cloned();
            if let (Some(party), Ok(siret)) = (party, Siret::parse(&siret)) {
                found.insert(PartyRef::Siret(siret), party);
            }
        }
    }
    Ok(found)
}
