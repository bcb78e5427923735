//! Needs: what a member states, how it may change, and how sets of needs are hashed.

use chrono::NaiveDate;
pub use kit::error::RowFault;
use kit::id::{ArticleId, GroupId, NeedId, PartyId, RoundId, SiteId};
use sha2::{Digest as _, Sha256};

use super::{
    conversion::{Packaging, TooMany},
    error::DemandError,
};

/// Most packs in one need.
pub const QUANTITY_LIMIT: i64 = 100_000_000;
/// Longest reference, characters.
pub const REFERENCE_LIMIT: usize = 60;

/// What a need is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineKind {
    /// Goods, received.
    Goods,
    /// A service, certified as done.
    Service,
}

impl LineKind {
    /// `GOODS` or `SERVICE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Goods => "GOODS",
            Self::Service => "SERVICE",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Goods, Self::Service].into_iter().find(|kind| kind.name() == name)
    }
}

/// How firmly a need of a census is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Commitment {
    /// An estimate.
    Indicative,
    /// At least so much will be ordered, if the offer suits.
    Minimum,
    /// So much will be ordered.
    Firm,
}

impl Commitment {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Indicative, Self::Minimum, Self::Firm];

    /// `INDICATIVE`, `MINIMUM` or `FIRM`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Indicative => "INDICATIVE",
            Self::Minimum => "MINIMUM",
            Self::Firm => "FIRM",
        }
    }

    /// The level of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|commitment| commitment.name() == name)
    }
}

/// A need as a member typed it, nothing looked up yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypedNeed {
    /// Row in its batch or file, from 1.
    pub row: i64,
    /// Site reference.
    pub site: String,
    /// Article reference.
    pub article: String,
    /// Packaging; empty when the article reference names one.
    pub packaging: String,
    /// How many of it.
    pub quantity: i64,
    /// The member's reference; empty when it has none.
    pub reference: String,
    /// ISO date or empty.
    pub needed_by: String,
    /// How firmly it is meant, if that is said.
    pub commitment: Option<Commitment>,
}

/// A need with everything looked up, not yet stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNeed {
    /// Row in its batch, from 1.
    pub row: i64,
    /// Delivery point.
    pub site_id: SiteId,
    /// Article.
    pub article_id: ArticleId,
    /// Copied from the article.
    pub kind: LineKind,
    /// Packaging typed.
    pub packaging: Packaging,
    /// How many of it, 1 to [`QUANTITY_LIMIT`].
    pub quantity: i64,
    /// Base units.
    pub units: i64,
    /// Unique in the round for the member.
    pub reference: String,
    /// When it is needed.
    pub needed_by: Option<NaiveDate>,
    /// How firmly it is meant: as said, before its round is known; as kept, after.
    pub commitment: Option<Commitment>,
}

/// Needs of one member for one round, with everything looked up.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The round.
    pub round_id: RoundId,
    /// The member.
    pub party_id: PartyId,
    /// The needs, with references that differ.
    pub needs: Vec<NewNeed>,
}

/// A stated need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its id.
    pub id: NeedId,
    /// Its group.
    pub group_id: GroupId,
    /// Its round.
    pub round_id: RoundId,
    /// The member.
    pub party_id: PartyId,
    /// Delivery point.
    pub site_id: SiteId,
    /// Article.
    pub article_id: ArticleId,
    /// Goods or service.
    pub kind: LineKind,
    /// Packaging typed, as it was when the need was stated.
    pub packaging: Packaging,
    /// How many of it.
    pub quantity: i64,
    /// Base units.
    pub units: i64,
    /// The member's reference.
    pub reference: String,
    /// When it is needed.
    pub needed_by: Option<NaiveDate>,
    /// How firmly it is meant; none outside a census.
    pub commitment: Option<Commitment>,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
    /// Changes at each change.
    pub version: i64,
}

impl Need {
    /// The need with another quantity.
    ///
    /// # Errors
    /// [`DemandError::NeedWithdrawn`].
    pub fn with_quantity(self, quantity: i64, units: i64) -> Result<Self, DemandError> {
        self.check_active()?;
        Ok(Self { quantity, units, version: self.version + 1, ..self })
    }

    /// The need, withdrawn.
    ///
    /// # Errors
    /// [`DemandError::NeedWithdrawn`] when it already was.
    pub fn withdraw(self) -> Result<Self, DemandError> {
        self.check_active()?;
        Ok(Self { withdrawn: true, version: self.version + 1, ..self })
    }

    /// The conversion in words.
    #[must_use]
    pub fn conversion(&self) -> String {
        self.packaging.in_words(self.quantity, self.units)
    }

    fn check_active(&self) -> Result<(), DemandError> {
        if self.withdrawn { Err(DemandError::NeedWithdrawn { reference: self.reference.clone() }) } else { Ok(()) }
    }
}

/// Base units of a typed quantity.
///
/// # Errors
/// The fault in column `quantity`.
pub fn units_of(row: i64, packaging: &Packaging, quantity: i64) -> Result<i64, RowFault> {
    let fault = |problem, remedy| RowFault { row, column: "quantity", value: quantity.to_string(), problem, remedy };
    if !(1..=QUANTITY_LIMIT).contains(&quantity) {
        return Err(fault(
            format!("La quantité {quantity} n'est pas possible."),
            "Indiquez un nombre entier de 1 à 100 000 000.".to_owned(),
        ));
    }
    packaging.units(quantity).map_err(|TooMany| {
        fault(
            format!("{quantity} × {} dépasse 1 000 000 000 000 d'unités de base.", packaging.code),
            "Réduisez la quantité ou vérifiez le conditionnement.".to_owned(),
        )
    })
}

/// A reference as it is kept: without blanks around it.
///
/// # Errors
/// The fault in column `reference`.
pub fn check_reference(row: i64, typed: &str) -> Result<&str, RowFault> {
    let reference = typed.trim();
    if reference.chars().count() <= REFERENCE_LIMIT && !reference.chars().any(char::is_control) {
        return Ok(reference);
    }
    Err(RowFault {
        row,
        column: "reference",
        value: reference.to_owned(),
        problem: "La référence est trop longue ou contient des caractères invisibles.".to_owned(),
        remedy: format!(
            "Donnez une référence d'au plus {REFERENCE_LIMIT} caractères, sans tabulation ni retour à la ligne."
        ),
    })
}

/// Every row whose reference an earlier row has, naming both.
#[must_use]
pub fn repeated_references<'a>(rows: impl Iterator<Item = (i64, &'a str)>) -> Vec<RowFault> {
    let mut sorted: Vec<(&str, i64)> =
        rows.filter(|(_, reference)| !reference.is_empty()).map(|(row, reference)| (reference, row)).collect();
    sorted.sort_unstable();
    let mut faults = Vec::new();
    for same in sorted.chunk_by(|one, other| one.0 == other.0) {
        for &(reference, row) in &same[1..] {
            faults.push(reference_taken(row, reference, &format!("à la ligne {}", same[0].1)));
        }
    }
    faults.sort_by_key(|fault| fault.row);
    faults
}

/// A reference that stands elsewhere already; `where_` says where.
#[must_use]
pub fn reference_taken(row: i64, reference: &str, where_: &str) -> RowFault {
    RowFault {
        row,
        column: "reference",
        value: reference.to_owned(),
        problem: format!("La référence « {reference} » de la ligne {row} figure déjà {where_}."),
        remedy: "Donnez à chaque besoin du membre une référence différente dans la campagne, ou modifiez le besoin existant."
            .to_owned(),
    }
}

/// A level of commitment in a round that is no census.
#[must_use]
pub fn no_census(row: i64, commitment: Commitment) -> RowFault {
    RowFault {
        row,
        column: "commitment",
        value: commitment.name().to_owned(),
        problem: "Le niveau d'engagement n'a de sens que dans un recensement ; ceci est une campagne de commande."
            .to_owned(),
        remedy: "Laissez la colonne vide.".to_owned(),
    }
}

/// The hash of a set of needs, fed in order of id. Numbers are 8 bytes, big-endian; ids 16 bytes.
#[derive(Debug, Clone, Default)]
pub struct SetDigest(Sha256);

impl SetDigest {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One need of a chunk of one member's: id, site, article, units.
    pub fn stated(&mut self, id: NeedId, site: SiteId, article: ArticleId, units: i64) {
        self.0.update(id.uuid().as_bytes());
        self.0.update(site.uuid().as_bytes());
        self.0.update(article.uuid().as_bytes());
        self.0.update(units.to_be_bytes());
    }

    /// One need of a snapshot: id, party, site, article, units; of a census then how firmly it is meant, by name.
    pub fn frozen(
        &mut self,
        (id, party, site, article): (NeedId, PartyId, SiteId, ArticleId),
        units: i64,
        commitment: Option<Commitment>,
    ) {
        self.0.update(id.uuid().as_bytes());
        self.0.update(party.uuid().as_bytes());
        self.0.update(site.uuid().as_bytes());
        self.0.update(article.uuid().as_bytes());
        self.0.update(units.to_be_bytes());
        if let Some(commitment) = commitment {
            self.0.update(commitment.name());
        }
    }

    /// SHA-256.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes() -> Packaging {
        Packaging {
            code: "BOX".into(),
            label: "boîte".into(),
            content: "30 comprimés".into(),
            base_label: "comprimé".into(),
            base_units: 30,
        }
    }

    #[test]
    fn quantities_outside_the_limits_are_told_with_their_figure() {
        assert_eq!(units_of(1, &boxes(), 4), Ok(120));
        assert_eq!(units_of(1, &boxes(), QUANTITY_LIMIT), Ok(3_000_000_000));
        for quantity in [0, -1, QUANTITY_LIMIT + 1] {
            let fault = units_of(7, &boxes(), quantity).unwrap_err();
            assert_eq!((fault.row, fault.column, fault.value), (7, "quantity", quantity.to_string()));
        }
        let pallets = Packaging { base_units: 1_000_000_000, ..boxes() };
        assert!(units_of(1, &pallets, 1_001).unwrap_err().problem.contains("dépasse"));
    }

    #[test]
    fn a_repeated_reference_names_both_rows() {
        let rows = [(3, "A"), (1, "B"), (2, "A"), (5, "A"), (4, ""), (6, "")];
        let faults = repeated_references(rows.into_iter());
        assert_eq!(faults.iter().map(|fault| fault.row).collect::<Vec<_>>(), [3, 5], "empty ones are made later");
        assert_eq!(faults[0].problem, "La référence « A » de la ligne 3 figure déjà à la ligne 2.");
    }

    #[test]
    fn references_are_trimmed_and_limited() {
        assert_eq!(check_reference(1, "  BRE-1 "), Ok("BRE-1"));
        assert!(check_reference(1, &"é".repeat(REFERENCE_LIMIT)).is_ok());
        assert!(check_reference(1, &"é".repeat(REFERENCE_LIMIT + 1)).is_err());
        assert!(check_reference(1, "a\tb").is_err());
    }

    #[test]
    fn a_withdrawn_need_changes_no_more() {
        let need = Need {
            id: NeedId::new(),
            group_id: GroupId::new(),
            round_id: RoundId::new(),
            party_id: PartyId::new(),
            site_id: SiteId::new(),
            article_id: ArticleId::new(),
            kind: LineKind::Goods,
            packaging: boxes(),
            quantity: 4,
            units: 120,
            reference: "A".into(),
            needed_by: None,
            commitment: None,
            withdrawn: false,
            version: 1,
        };
        let changed = need.with_quantity(5, 150).unwrap();
        assert_eq!((changed.quantity, changed.units, changed.version), (5, 150, 2));
        assert_eq!(changed.conversion(), "5 boîtes × 30 comprimés = 150 comprimés");
        let withdrawn = changed.withdraw().unwrap();
        assert_eq!((withdrawn.withdrawn, withdrawn.version), (true, 3));
        assert!(matches!(withdrawn.clone().with_quantity(1, 30), Err(DemandError::NeedWithdrawn { .. })));
        assert!(matches!(withdrawn.withdraw(), Err(DemandError::NeedWithdrawn { .. })));
    }
}
