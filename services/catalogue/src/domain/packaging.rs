//! C3 and C4: the packaging graph. Every level but the base holds a whole number of exactly one other level, so each level
//! has one path to the base and one factor, the product of the counts on it.

use std::collections::HashMap;

use super::{
    CatalogueError,
    identifier::{Code, Identifier},
};

/// Levels of one article at most.
pub const LEVELS_LIMIT: usize = 20;
/// Most that one level may hold of another.
pub const COUNT_LIMIT: i64 = 1_000_000;

/// What a level holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Code of the level it holds.
    pub code: String,
    /// How many, 1 to [`COUNT_LIMIT`].
    pub count: i64,
}

/// One level of packaging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Short code, unique in the article.
    pub code: String,
    /// What people call it.
    pub label: String,
    /// What it holds; none for the base.
    pub contains: Option<Contents>,
    /// Whether a supplier takes orders of it.
    pub orderable: bool,
    /// Its codes, in the order of their digits.
    pub identifiers: Vec<Identifier>,
}

/// The levels of an article, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaging {
    levels: Vec<Level>,
    /// Base units in one of each level, in the same order.
    base_units: Vec<i64>,
}

/// A fault of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFault {
    /// Index of the level at fault; none when it is the whole graph.
    pub level: Option<usize>,
    /// What is wrong.
    pub error: GraphError,
}

/// What can be wrong with a packaging graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// No level, or more than [`LEVELS_LIMIT`].
    #[error("an article has 1 to {LEVELS_LIMIT} packagings, got {0}")]
    LevelCount(usize),
    /// Two levels of one code.
    #[error("code {0} is given twice")]
    DuplicateCode(String),
    /// Every level holds another.
    #[error("no base level: exactly one packaging holds no other")]
    NoBase,
    /// More than one level that holds nothing.
    #[error("a second base level beside {0}: give contains_code and contains_count")]
    SecondBase(String),
    /// A count out of range.
    #[error("contains_count must be 1 to {COUNT_LIMIT}, is {0}")]
    Count(i64),
    /// A level holds one that is not there.
    #[error("contains_code {0} is no packaging of this article")]
    UnknownContents(String),
    /// A level that holds itself in the end.
    #[error("packagings contain each other in a circle")]
    Cycle,
    /// More base units than 64 bits hold.
    #[error("one holds more base units than can be counted")]
    Overflow,
    /// A code on two levels, or twice on one.
    #[error("identifier {code} is already given for {level}")]
    DuplicateIdentifier {
        /// The code.
        code: Code,
        /// Code of the level that has it.
        level: String,
    },
}

impl Packaging {
    /// Checks the graph and computes the factors.
    ///
    /// # Errors
    /// Every fault found.
    pub fn new(mut levels: Vec<Level>) -> Result<Self, Vec<GraphFault>> {
        if levels.is_empty() || levels.len() > LEVELS_LIMIT {
            return Err(vec![GraphFault { level: None, error: GraphError::LevelCount(levels.len()) }]);
        }
        for level in &mut levels {
            level.identifiers.sort_unstable();
        }
        let mut faults = identifier_faults(&levels);
        faults.extend(level_faults(&levels));
        // Factors mean something only in a graph whose levels are right one by one.
        let mut base_units = Vec::with_capacity(levels.len());
        if faults.is_empty() {
            for (index, level) in levels.iter().enumerate() {
                match factor(&levels, level) {
                    Ok(units) => base_units.push(units),
                    Err(error) => faults.push(GraphFault { level: Some(index), error }),
                }
            }
        }
        if faults.is_empty() { Ok(Self { levels, base_units }) } else { Err(faults) }
    }

    /// The levels in the order given, each with the base units in one.
    pub fn levels(&self) -> impl Iterator<Item = (&Level, i64)> {
        self.levels.iter().zip(self.base_units.iter().copied())
    }

    /// A level by its code, with the base units in one.
    #[must_use]
    pub fn level(&self, code: &str) -> Option<(&Level, i64)> {
        self.levels().find(|(level, _)| level.code == code)
    }

    /// Every code with the level that it names.
    pub fn codes(&self) -> impl Iterator<Item = (Code, &Level)> {
        self.levels.iter().flat_map(|level| level.identifiers.iter().map(move |identifier| (identifier.code(), level)))
    }

    /// C4: what was published stays: no level goes or holds something else, no code changes its level. Quantities already
    /// stated in packs would silently become others.
    ///
    /// # Errors
    /// [`CatalogueError::PackagingChanged`], [`CatalogueError::IdentifierMoved`].
    pub fn check_successor(&self, next: &Self, article: &str) -> Result<(), CatalogueError> {
        for level in &self.levels {
            let wanted = next.level(&level.code).map(|(wanted, _)| wanted);
            if wanted.is_none_or(|wanted| wanted.contains != level.contains) {
                return Err(CatalogueError::PackagingChanged {
                    article: article.to_owned(),
                    packaging: level.code.clone(),
                    was: level.contents_text(),
                    wanted: wanted.map(Level::contents_text).unwrap_or_default(),
                });
            }
        }
        let then: HashMap<Code, &Level> = self.codes().collect();
        for (code, level) in next.codes() {
            if let Some(before) = then.get(&code)
                && before.code != level.code
            {
                return Err(CatalogueError::IdentifierMoved {
                    code,
                    article: article.to_owned(),
                    from_level: before.code.clone(),
                    to_level: level.code.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Level {
    fn contents_text(&self) -> String {
        match &self.contains {
            Some(contents) => format!("{} {}", contents.count, contents.code),
            None => "base".to_owned(),
        }
    }
}

fn level_faults(levels: &[Level]) -> Vec<GraphFault> {
    let mut faults = Vec::new();
    let mut base: Option<&Level> = None;
    for (index, level) in levels.iter().enumerate() {
        let mut fault = |error| faults.push(GraphFault { level: Some(index), error });
        if levels[..index].iter().any(|earlier| earlier.code == level.code) {
            fault(GraphError::DuplicateCode(level.code.clone()));
        }
        match (&level.contains, base) {
            (Some(contents), _) => {
                if !(1..=COUNT_LIMIT).contains(&contents.count) {
                    fault(GraphError::Count(contents.count));
                }
                if levels.iter().all(|other| other.code != contents.code) {
                    fault(GraphError::UnknownContents(contents.code.clone()));
                }
            }
            (None, Some(first)) => fault(GraphError::SecondBase(first.code.clone())),
            (None, None) => base = Some(level),
        }
    }
    if base.is_none() {
        faults.push(GraphFault { level: None, error: GraphError::NoBase });
    }
    faults
}

fn identifier_faults(levels: &[Level]) -> Vec<GraphFault> {
    let mut faults = Vec::new();
    // A code may stand twice on its level under two schemes, as CIP13 and as GTIN.
    let mut seen: HashMap<Code, (usize, Vec<Identifier>)> = HashMap::new();
    for (index, level) in levels.iter().enumerate() {
        for &identifier in &level.identifiers {
            let (first, given) = seen.entry(identifier.code()).or_insert_with(|| (index, Vec::new()));
            if *first != index || given.contains(&identifier) {
                let error =
                    GraphError::DuplicateIdentifier { code: identifier.code(), level: levels[*first].code.clone() };
                faults.push(GraphFault { level: Some(index), error });
            }
            given.push(identifier);
        }
    }
    faults
}

/// Base units in one of a level: the product of the counts on its only path to the base.
fn factor(levels: &[Level], start: &Level) -> Result<i64, GraphError> {
    let (mut level, mut units) = (start, 1_i64);
    // A path that visits as many levels as there are, and still goes on, runs in a circle.
    for _ in 0..levels.len() {
        let Some(contents) = &level.contains else { return Ok(units) };
        units = units.checked_mul(contents.count).ok_or(GraphError::Overflow)?;
        level = levels
            .iter()
            .find(|other| other.code == contents.code)
            .ok_or_else(|| GraphError::UnknownContents(contents.code.clone()))?;
    }
    Err(GraphError::Cycle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::identifier::Scheme, *};

    fn level(code: &str, contains: Option<(&str, i64)>) -> Level {
        Level {
            code: code.to_owned(),
            label: code.to_lowercase(),
            contains: contains.map(|(code, count)| Contents { code: code.to_owned(), count }),
            orderable: true,
            identifiers: Vec::new(),
        }
    }

    fn errors(levels: Vec<Level>) -> Vec<GraphError> {
        Packaging::new(levels).unwrap_err().into_iter().map(|fault| fault.error).collect()
    }

    fn box_of_30() -> Packaging {
        let mut unit = level("UNIT", None);
        unit.identifiers.push(Identifier::parse(Scheme::Gtin, "96385074").unwrap());
        Packaging::new(vec![level("CARTON", Some(("BOX", 12))), level("BOX", Some(("UNIT", 30))), unit]).unwrap()
    }

    #[test]
    fn factors_multiply_down_to_the_base() {
        let packaging = box_of_30();
        let units: Vec<i64> = packaging.levels().map(|(_, units)| units).collect();
        assert_eq!(units, [360, 30, 1]);
        assert_eq!(packaging.level("PALLET"), None);
    }

    #[test]
    fn each_fault_of_a_graph_is_named() {
        assert_eq!(errors(vec![]), [GraphError::LevelCount(0)]);
        assert_eq!(errors(vec![level("A", None), level("B", None)]), [GraphError::SecondBase("A".into())]);
        assert_eq!(errors(vec![level("A", None), level("A", Some(("A", 2)))]), [GraphError::DuplicateCode("A".into())]);
        assert_eq!(errors(vec![level("A", Some(("A", 2)))]), [GraphError::NoBase]);
        assert_eq!(
            errors(vec![level("A", None), level("B", Some(("C", 2)))]),
            [GraphError::UnknownContents("C".into())]
        );
        assert_eq!(errors(vec![level("A", None), level("B", Some(("A", 0)))]), [GraphError::Count(0)]);
        let circle = vec![level("A", None), level("B", Some(("C", 2))), level("C", Some(("B", 2)))];
        assert_eq!(errors(circle), [GraphError::Cycle, GraphError::Cycle]);
        let tower = vec![
            level("A", None),
            level("B", Some(("A", COUNT_LIMIT))),
            level("C", Some(("B", COUNT_LIMIT))),
            level("D", Some(("C", COUNT_LIMIT))),
            level("E", Some(("D", COUNT_LIMIT))),
        ];
        assert_eq!(errors(tower), [GraphError::Overflow]);
    }

    #[test]
    fn a_code_stands_on_one_level_only() {
        let cip = Identifier::parse(Scheme::Cip13, "3400949497294").unwrap();
        let gtin = Identifier::parse(Scheme::Gtin, "03400949497294").unwrap();
        let with = |unit: &[Identifier], boxed: &[Identifier]| {
            let (mut a, mut b) = (level("A", None), level("B", Some(("A", 2))));
            a.identifiers.extend(unit);
            b.identifiers.extend(boxed);
            Packaging::new(vec![a, b])
        };
        assert!(with(&[], &[gtin, cip]).is_ok(), "the same level under two schemes");
        assert!(with(&[gtin], &[cip]).is_err());
        assert!(with(&[], &[cip, cip]).is_err());
    }

    #[test]
    fn published_conversions_stay() {
        let old = box_of_30();
        let rebuilt = |change: &dyn Fn(&mut Vec<Level>)| {
            let mut levels: Vec<Level> = old.levels().map(|(level, _)| level.clone()).collect();
            change(&mut levels);
            old.check_successor(&Packaging::new(levels).unwrap(), "K")
        };
        assert_eq!(rebuilt(&|levels| levels.push(level("PALLET", Some(("CARTON", 40))))), Ok(()));
        assert_eq!(rebuilt(&|levels| levels[0].orderable = false), Ok(()));
        assert_eq!(rebuilt(&|levels| levels[2].identifiers.clear()), Ok(()));
        let changed = |was: &str, wanted: &str, packaging: &str| {
            let (was, wanted, packaging) = (was.to_owned(), wanted.to_owned(), packaging.to_owned());
            Err(CatalogueError::PackagingChanged { article: "K".into(), packaging, was, wanted })
        };
        let twenty = |levels: &mut Vec<Level>| levels[1].contains = Some(Contents { code: "UNIT".into(), count: 20 });
        assert_eq!(rebuilt(&twenty), changed("30 UNIT", "20 UNIT", "BOX"));
        assert_eq!(rebuilt(&|levels| drop(levels.remove(0))), changed("12 BOX", "", "CARTON"));
        let moved = rebuilt(&|levels| {
            let codes = std::mem::take(&mut levels[2].identifiers);
            levels[1].identifiers = codes;
        });
        assert!(matches!(moved, Err(CatalogueError::IdentifierMoved { .. })));
    }

    proptest! {
        /// Any level may hold any other or none: accepted exactly when one base is reached from everywhere.
        #[test]
        fn a_graph_is_accepted_exactly_when_every_level_reaches_the_only_base(
            links in prop::collection::vec((prop::option::weighted(0.8, 0_usize..8), 1_i64..50), 1..8),
        ) {
            let size = links.len();
            let links: Vec<Option<(usize, i64)>> = links.into_iter().map(|(to, count)| to.map(|to| (to % size, count))).collect();
            let levels = links.iter().enumerate().map(|(index, link)| Level {
                code: format!("L{index}"), label: "x".into(), orderable: true, identifiers: Vec::new(),
                contains: link.map(|(to, count)| Contents { code: format!("L{to}"), count }),
            }).collect();
            // The reference spreads factors out from the base instead of walking towards it.
            let bases = links.iter().filter(|link| link.is_none()).count();
            let mut units: Vec<Option<i64>> = links.iter().map(|link| link.is_none().then_some(1)).collect();
            for _ in 0..size {
                for (index, link) in links.iter().enumerate() {
                    if let Some((to, count)) = *link {
                        units[index] = units[to].map(|below| below * count);
                    }
                }
            }
            let expected = (bases == 1).then_some(units).and_then(|units| units.into_iter().collect::<Option<Vec<_>>>());
            let got = Packaging::new(levels).ok().map(|packaging| packaging.levels().map(|(_, units)| units).collect::<Vec<_>>());
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn factors_beyond_64_bits_are_refused_never_wrapped(counts in prop::collection::vec(1_i64..=COUNT_LIMIT, 1..19)) {
            let mut levels = vec![level("L0", None)];
            for (index, &count) in counts.iter().enumerate() {
                levels.push(level(&format!("L{}", index + 1), Some((&format!("L{index}"), count))));
            }
            let exact = counts.iter().try_fold(1_i128, |units, &count| units.checked_mul(i128::from(count)));
            let expected = exact.and_then(|units| i64::try_from(units).ok());
            let got = Packaging::new(levels).ok().and_then(|packaging| packaging.levels().last().map(|(_, units)| units));
            prop_assert_eq!(got, expected);
        }
    }
}
