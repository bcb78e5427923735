//! Everything a plan needs to know besides the needs themselves, as the other services answered on the day of the plan.

use std::collections::{HashMap, HashSet};

use kit::id::{AgreementId, ArticleId, LotId, PartyId, SiteId};
use rust_decimal::Decimal;

use super::{
    buyers::FormRules,
    need::LineKind,
    order_error::OrderError,
    packs::PackRule,
    reason::Reason,
    tiers::{Basis, Tier},
};

/// An agreement of the round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Which one.
    pub id: AgreementId,
    /// Legal number, for people.
    pub number: String,
    /// On which quantity its tiers are read.
    pub basis: Basis,
    /// Role 1 of a central purchasing body (grossiste, CCP L2113-2 1°).
    pub wholesale: bool,
}

/// The price of an article under a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Index into the agreements, which stand in the order in which they are tried.
    pub agreement: usize,
    /// Lot.
    pub lot: LotId,
    /// Number of the lot in its agreement.
    pub lot_number: i32,
    /// Its holder.
    pub supplier: PartyId,
    /// Article.
    pub article: ArticleId,
    /// Packaging in which the supplier takes orders.
    pub packaging_code: String,
    /// Whole packs of it.
    pub rule: PackRule,
    /// Prices per base unit, in rising order of quantity, the first from 0.
    pub tiers: Vec<Tier>,
    /// VAT in percent.
    pub vat_rate: Decimal,
}

/// What a plan uses of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleTerms {
    /// Label.
    pub label: String,
    /// French singular of the base unit.
    pub unit_label: String,
    /// Label of each packaging, by code.
    pub packaging_labels: HashMap<String, String>,
    /// Goods or service.
    pub kind: LineKind,
    /// Index of its transport requirement; none for a service, which goes straight to the site.
    pub requirement: Option<u16>,
}

/// How goods of a requirement reach a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteAnswer {
    /// Through the platform.
    Platform,
    /// Straight to the site.
    Direct,
    /// Not at all, with the reason.
    Refused(Reason),
}

/// Whether a member may buy from a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// Yes or no.
    pub allowed: bool,
    /// The rule that decided.
    pub reason: Reason,
}

/// Everything a plan needs to know besides the needs.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Agreements in the order in which they are tried.
    pub agreements: Vec<Agreement>,
    /// Prices on the day, by article, then in the order in which they are tried.
    offers: Vec<Offer>,
    /// Where each article's prices begin and end among the offers.
    by_article: HashMap<ArticleId, std::ops::Range<usize>>,
    /// Articles of the needs.
    pub articles: HashMap<ArticleId, ArticleTerms>,
    /// Route per requirement and site.
    pub routes: HashMap<(u16, SiteId), RouteAnswer>,
    /// Answers per member and lot.
    pub entitlements: HashMap<(PartyId, LotId), Entitlement>,
    /// Article and packaging that the platform opens.
    pub break_bulk: HashSet<(ArticleId, String)>,
    /// Who orders, receives and pays.
    pub form: FormRules,
}

impl Terms {
    /// Terms with nothing but agreements and prices; the caller fills in the rest.
    ///
    /// # Errors
    /// [`OrderError::TermsIncomplete`] when a price names no agreement of the list or has no tier from 0.
    pub fn new(agreements: Vec<Agreement>, mut offers: Vec<Offer>, form: FormRules) -> Result<Self, OrderError> {
        for offer in &offers {
            if offer.agreement >= agreements.len() {
                return Err(OrderError::TermsIncomplete { what: "agreement of a price", id: offer.lot.to_string() });
            }
            if offer.tiers.first().is_none_or(|tier| tier.min_units != 0) {
                return Err(OrderError::TermsIncomplete {
                    what: "tier from 0 of article",
                    id: offer.article.to_string(),
                });
            }
        }
        // The first agreement of the round's list, then the lowest lot number: never by cost. The rest only fixes the order.
        offers.sort_by(|a, b| {
            (a.article, a.agreement, a.lot_number, a.lot, &a.packaging_code).cmp(&(
                b.article,
                b.agreement,
                b.lot_number,
                b.lot,
                &b.packaging_code,
            ))
        });
        let mut by_article: HashMap<ArticleId, std::ops::Range<usize>> = HashMap::new();
        for (index, offer) in offers.iter().enumerate() {
            by_article.entry(offer.article).or_insert(index..index).end = index + 1;
        }
        Ok(Self {
            agreements,
            offers,
            by_article,
            articles: HashMap::new(),
            routes: HashMap::new(),
            entitlements: HashMap::new(),
            break_bulk: HashSet::new(),
            form,
        })
    }

    /// All prices, by article, then in the order in which they are tried.
    #[must_use]
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Where an article's prices stand among [`Terms::offers`].
    #[must_use]
    pub fn offers_of(&self, article: ArticleId) -> std::ops::Range<usize> {
        self.by_article.get(&article).cloned().unwrap_or(0..0)
    }

    /// What is known of an article.
    ///
    /// # Errors
    /// [`OrderError::TermsIncomplete`].
    pub fn article(&self, article: ArticleId) -> Result<&ArticleTerms, OrderError> {
        self.articles
            .get(&article)
            .ok_or_else(|| OrderError::TermsIncomplete { what: "article", id: article.to_string() })
    }
}
