//! What can be wrong in the catalogue beyond a malformed field.

use chrono::NaiveDate;
use kit::{
    DomainError, ErrorKind,
    id::{ArticleId, LotId},
};

use super::identifier::Code;

/// Errors of the catalogue's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// C2: a code already names another article.
    #[error("code {code} of article {article} already names article {other}")]
    IdentifierTaken {
        /// The code, 14 digits.
        code: Code,
        /// Key of the article that claims it.
        article: String,
        /// Key of the article that has it.
        other: String,
    },
    /// C2: a code would change from one level of its article to another.
    #[error("code {code} of article {article} would move from {from_level} to {to_level}")]
    IdentifierMoved {
        /// The code, 14 digits.
        code: Code,
        /// Key of the article.
        article: String,
        /// Level that it names.
        from_level: String,
        /// Level that it would name.
        to_level: String,
    },
    /// C4: a published conversion would change.
    #[error("packaging {packaging} of article {article} is {was} and would become {wanted}")]
    PackagingChanged {
        /// Key of the article.
        article: String,
        /// Code of the level.
        packaging: String,
        /// What it holds, e.g. `30 UNIT`.
        was: String,
        /// What it would hold; empty when it would be removed.
        wanted: String,
    },
    /// C8: two prices would both apply.
    #[error("price of {article} under {lot} from {from} to {to} clashes with {other} from {other_from} to {other_to}")]
    PricesOverlap {
        /// The article.
        article: ArticleId,
        /// The lot.
        lot: LotId,
        /// First day of the price sent.
        from: NaiveDate,
        /// Last day of the price sent.
        to: NaiveDate,
        /// The other price: its id, or `prices[n]` of the same request.
        other: String,
        /// First day of the other.
        other_from: NaiveDate,
        /// Last day of the other.
        other_to: NaiveDate,
    },
}

impl DomainError for CatalogueError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::IdentifierTaken { .. } | Self::PricesOverlap { .. } => ErrorKind::AlreadyExists,
            Self::IdentifierMoved { .. } | Self::PackagingChanged { .. } => ErrorKind::NotNow,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::IdentifierTaken { .. } => "IDENTIFIER_TAKEN",
            Self::IdentifierMoved { .. } => "IDENTIFIER_MOVED",
            Self::PackagingChanged { .. } => "PACKAGING_CHANGED",
            Self::PricesOverlap { .. } => "PRICES_OVERLAP",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::IdentifierTaken { code, article, other } => {
                vec![("code", code.to_string()), ("article", article.clone()), ("other", other.clone())]
            }
            Self::IdentifierMoved { code, article, from_level, to_level } => vec![
                ("code", code.to_string()),
                ("article", article.clone()),
                ("from_level", from_level.clone()),
                ("to_level", to_level.clone()),
            ],
            Self::PackagingChanged { article, packaging, was, wanted } => vec![
                ("article", article.clone()),
                ("packaging", packaging.clone()),
                ("was", was.clone()),
                ("wanted", wanted.clone()),
            ],
            Self::PricesOverlap { article, lot, from, to, other, other_from, other_to } => vec![
                ("article", article.to_string()),
                ("lot", lot.to_string()),
                ("from", from.to_string()),
                ("to", to.to_string()),
                ("other", other.clone()),
                ("other_from", other_from.to_string()),
                ("other_to", other_to.to_string()),
            ],
        }
    }
}
