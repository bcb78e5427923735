//! Which packs a platform may open (dégroupage): never those of medicines or sterile devices, whose outer pack carries what
//! the law requires to be handed on with them; never the base unit, which holds nothing.

use kit::{
    error::FieldFault,
    id::{ArticleId, PartyId, SiteId},
};

use super::LogisticsError;

/// Packagings that a platform may open at most.
pub const LIMIT: i64 = 20_000;

/// A packaging to be opened, as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The platform's site.
    pub platform_site_id: SiteId,
    /// The reference of the article.
    pub article_ref: String,
    /// Which packaging.
    pub packaging_code: String,
}

/// What is known of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// Whether it is a medicine.
    pub medicine: bool,
    /// Whether it is a sterile device.
    pub sterile_device: bool,
    /// Its packagings, with whether they hold another one.
    pub packagings: Vec<(String, bool)>,
}

/// A packaging that a platform opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreakBulk {
    /// The platform's site.
    pub platform_site_id: SiteId,
    /// Article.
    pub article_id: ArticleId,
    /// Which packaging.
    pub packaging_code: String,
}

/// Judges all entries for the operator `party`. `site_party` says who operates a site, `article` what a reference names.
///
/// # Errors
/// [`LogisticsError::BreakBulkRefused`] with every fault of every entry.
pub fn judge<'a>(
    asked: &[Asked],
    party: PartyId,
    site_party: impl Fn(SiteId) -> Option<PartyId>,
    article: impl Fn(&str) -> Option<&'a Article>,
) -> Result<Vec<BreakBulk>, LogisticsError> {
    let (mut faults, mut entries) = (Vec::new(), Vec::with_capacity(asked.len()));
    for (at, asked) in asked.iter().enumerate() {
        let mut fault =
            |field: &str, detail: String| faults.push(FieldFault::new(format!("entries[{at}].{field}"), detail));
        // A site that is another's is as unknown as one that is not there.
        if site_party(asked.platform_site_id) != Some(party) {
            fault("platform_site_id", format!("{} is not a site of your platform", asked.platform_site_id));
        }
        let Some(article) = article(&asked.article_ref) else {
            fault("article_id", format!("{:?} is not a known article", asked.article_ref));
            continue;
        };
        if article.medicine {
            fault("article_id", format!("{} is a medicine: its packs are not opened", article.id));
        }
        if article.sterile_device {
            fault("article_id", format!("{} is a sterile device: its packs are not opened", article.id));
        }
        match article.packagings.iter().find(|packaging| packaging.0 == asked.packaging_code) {
            None => fault("packaging_code", format!("{:?} is not a packaging of {}", asked.packaging_code, article.id)),
            Some((code, false)) => {
                fault("packaging_code", format!("{code:?} is the base unit: there is nothing to open"))
            }
            Some((code, true)) => entries.push(BreakBulk {
                platform_site_id: asked.platform_site_id,
                article_id: article.id,
                packaging_code: code.clone(),
            }),
        }
    }
    if faults.is_empty() { Ok(entries) } else { Err(LogisticsError::BreakBulkRefused(faults)) }
}

#[cfg(test)]
mod tests {
    use kit::error::DomainError as _;

    use super::*;

    fn article(medicine: bool, sterile_device: bool) -> Article {
        let packagings = vec![("UNIT".to_owned(), false), ("CARTON".to_owned(), true)];
        Article { id: ArticleId::new(), medicine, sterile_device, packagings }
    }

    #[test]
    fn every_fault_of_every_entry_is_told_at_once() {
        let (party, site) = (PartyId::new(), SiteId::new());
        let (gloves, pills, gauze) = (article(false, false), article(true, false), article(false, true));
        let entry = |site, article: &str, code: &str| Asked {
            platform_site_id: site,
            article_ref: article.into(),
            packaging_code: code.into(),
        };
        let asked = [
            entry(site, "gloves", "CARTON"),
            entry(site, "pills", "CARTON"),
            entry(site, "gauze", "BOX"),
            entry(SiteId::new(), "nothing", "CARTON"),
            entry(site, "gloves", "UNIT"),
        ];
        let known = |name: &str| {
            [("gloves", &gloves), ("pills", &pills), ("gauze", &gauze)]
                .into_iter()
                .find(|known| known.0 == name)
                .map(|known| known.1)
        };
        let site_party = |id| (id == site).then_some(party);
        let error = judge(&asked, party, site_party, known).unwrap_err();
        let fields: Vec<_> = error.fields().into_iter().map(|fault| fault.field).collect();
        assert_eq!(
            fields,
            [
                "entries[1].article_id",
                "entries[2].article_id",
                "entries[2].packaging_code",
                "entries[3].platform_site_id",
                "entries[3].article_id",
                "entries[4].packaging_code"
            ]
        );
        let fine = judge(&asked[..1], party, site_party, known).unwrap();
        assert_eq!(
            fine,
            [BreakBulk { platform_site_id: site, article_id: gloves.id, packaging_code: "CARTON".into() }]
        );
        assert!(judge(&asked[..1], PartyId::new(), site_party, known).is_err(), "another operator");
    }
}
