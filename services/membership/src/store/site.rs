//! Sites.

use std::collections::HashMap;

use chrono::NaiveDate;
use kit::{
    Failure,
    db::corrupt,
    id::{GroupId, PartyId, SiteId},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::named;
use crate::domain::{Authorisation, Finess, Gln, Key, Page, Position, Site, SiteRef};

#[derive(sqlx::FromRow)]
struct Row {
    site_id: SiteId,
    key: String,
    party_id: PartyId,
    name: String,
    finess: Option<String>,
    gln: Option<String>,
    address: String,
    postcode: String,
    city: String,
    latitude: Option<Decimal>,
    longitude: Option<Decimal>,
    authorisations: Vec<String>,
}

impl TryFrom<Row> for Site {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        let bad = |column: &str| corrupt("site", column, row.site_id);
        let authorisation =
            |name: &String| named(&Authorisation::ALL, Authorisation::name, name).ok_or_else(|| bad("authorisations"));
        Ok(Self {
            id: row.site_id,
            key: Key::parse(&row.key).map_err(|_| bad("key"))?,
            party_id: row.party_id,
            finess: row.finess.as_deref().map(Finess::parse).transpose().map_err(|_| bad("finess"))?,
            gln: row.gln.as_deref().map(Gln::parse).transpose().map_err(|_| bad("gln"))?,
            position: row.latitude.zip(row.longitude).map(|(latitude, longitude)| Position { latitude, longitude }),
            authorisations: row.authorisations.iter().map(authorisation).collect::<Result<_, _>>()?,
            name: row.name,
            address: row.address,
            postcode: row.postcode,
            city: row.city,
        })
    }
}

/// Lets one registration of sites at a time go on; readers do not notice. So what it has checked stays true until it commits.
///
/// # Errors
/// When another registration takes too long, or the database is away.
pub async fn lock_registry(conn: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query("LOCK TABLE site IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// What a site may be found by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alike<'a> {
    /// Its key.
    pub key: Option<&'a Key>,
    /// Its own number (numéro géographique).
    pub finess: Option<&'a Finess>,
    /// Its GS1 location number.
    pub gln: Option<&'a Gln>,
}

impl<'a> From<&'a Site> for Alike<'a> {
    fn from(site: &'a Site) -> Self {
        Self { key: Some(&site.key), finess: site.finess.as_ref(), gln: site.gln.as_ref() }
    }
}

/// The sites that have the key or a number of one of these.
///
/// # Errors
/// When the database is away.
pub async fn list_alike(conn: &mut PgConnection, sites: &[Alike<'_>]) -> Result<Vec<Site>, Failure> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT * FROM site WHERE key = ANY ($1) OR finess = ANY ($2) OR gln = ANY ($3)")
            .bind(sites.iter().filter_map(|site| site.key).map(Key::as_str).collect::<Vec<_>>())
            .bind(sites.iter().filter_map(|site| site.finess).map(Finess::as_str).collect::<Vec<_>>())
            .bind(sites.iter().filter_map(|site| site.gln).map(Gln::as_str).collect::<Vec<_>>())
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(Site::try_from).collect()
}

/// Inserts sites or updates those whose id is there.
///
/// # Errors
/// When the database is away.
pub async fn save_all(conn: &mut PgConnection, sites: &[Site]) -> Result<(), Failure> {
    // An array of arrays would have to be rectangular: authorisations go as one text each.
    let authorisations = |site: &Site| site.authorisations.iter().map(|one| one.name()).collect::<Vec<_>>().join("|");
    sqlx::query(
        "INSERT INTO site (site_id, key, party_id, name, finess, gln, address, postcode, city, latitude, longitude, authorisations)
         SELECT site_id, key, party_id, name, finess, gln, address, postcode, city, latitude, longitude,
           string_to_array(authorisations, '|')
         FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
           $10::numeric[], $11::numeric[], $12::text[])
           AS new (site_id, key, party_id, name, finess, gln, address, postcode, city, latitude, longitude, authorisations)
         ON CONFLICT (site_id) DO UPDATE SET name = excluded.name, finess = excluded.finess, gln = excluded.gln,
           address = excluded.address, postcode = excluded.postcode, city = excluded.city, latitude = excluded.latitude,
           longitude = excluded.longitude, authorisations = excluded.authorisations",
    )
    .bind(sites.iter().map(|site| site.id).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.key.as_str()).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.party_id).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.finess.as_ref().map(Finess::as_str)).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.gln.as_ref().map(Gln::as_str)).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.address.as_str()).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.postcode.as_str()).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.city.as_str()).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.position.map(|position| position.latitude)).collect::<Vec<_>>())
    .bind(sites.iter().map(|site| site.position.map(|position| position.longitude)).collect::<Vec<_>>())
    .bind(sites.iter().map(authorisations).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// The sites that references name; those that name nothing are left out.
///
/// # Errors
/// When the database is away.
pub async fn find_by_refs<'r>(
    conn: &mut PgConnection,
    refs: impl IntoIterator<Item = &'r SiteRef>,
) -> Result<HashMap<SiteRef, Site>, Failure> {
    let (mut ids, mut keys, mut finesses, mut glns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for reference in refs {
        match reference {
            SiteRef::Id(id) => ids.push(*id),
            SiteRef::Key(key) => keys.push(key.as_str()),
            SiteRef::Finess(finess) => finesses.push(finess.as_str()),
            SiteRef::Gln(gln) => glns.push(gln.as_str()),
        }
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM site WHERE site_id = ANY ($1) OR key = ANY ($2) OR finess = ANY ($3) OR gln = ANY ($4)",
    )
    .bind(ids)
    .bind(keys)
    .bind(finesses)
    .bind(glns)
    .fetch_all(conn)
    .await?;
    let mut found = HashMap::new();
    for row in rows {
        let site = Site::try_from(row)?;
        for reference in site.refs() {
            found.insert(reference, site.clone());
        }
    }
    Ok(found)
}

/// A page of the sites of one party.
///
/// # Errors
/// When the database is away.
pub async fn list_of_party(conn: &mut PgConnection, party: PartyId, page: Page<SiteId>) -> Result<Vec<Site>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM site WHERE party_id = $1 AND ($2::uuid IS NULL OR site_id > $2) ORDER BY site_id LIMIT $3",
    )
    .bind(party)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Site::try_from).collect()
}

/// A page of the sites of a group's members on a day, or of one of them.
///
/// # Errors
/// When the database is away.
pub async fn list_of_members(
    conn: &mut PgConnection,
    group: GroupId,
    on: NaiveDate,
    only: Option<PartyId>,
    page: Page<SiteId>,
) -> Result<Vec<Site>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT s.* FROM site s
         WHERE s.party_id IN (
             SELECT m.party_id FROM member m
             WHERE m.group_id = $1 AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to >= $2)
               AND ($3::uuid IS NULL OR m.party_id = $3))
           AND ($4::uuid IS NULL OR s.site_id > $4)
         ORDER BY s.site_id LIMIT $5",
    )
    .bind(group)
    .bind(on)
    .bind(only)
    .bind(page.after)
    .bind(page.rows_to_read())
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Site::try_from).collect()
}
