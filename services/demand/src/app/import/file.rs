//! A file of needs in memory: about 32 bytes a row and its reference, so that a million rows stay well under 150 MiB.

use std::borrow::Cow;

use kit::id::PartyId;
use proto::common::v1::RowError;

use crate::{
    convert::{cut, row_error},
    domain::{
        directory::{Directory, ReadRow, WholeRow},
        error::DemandError,
        need::{RowFault, TypedNeed, check_reference, no_census, repeated_references},
        round::RoundKind,
    },
};

/// Most rows of a file.
pub const ROW_LIMIT: usize = 1_000_000;
/// Most distinct article references of a file.
pub const ARTICLE_LIMIT: usize = 50_000;
/// Most distinct site references of a file.
pub const SITE_LIMIT: usize = 10_000;
/// Most bytes of references of a file: sixty characters each, nearly all of them plain.
const REFERENCE_BYTES: usize = 64 << 20;
/// Most faults that are told one by one.
pub const ERROR_LIMIT: usize = 10_000;

/// A row with the place of its reference among [`NeedsFile::references`].
#[derive(Debug, Clone, Copy)]
struct FileRow {
    number: u32,
    read: ReadRow,
    reference_at: u32,
    reference_len: u8,
}

/// The rows of a file read so far, and its faults.
#[derive(Debug)]
pub struct NeedsFile {
    party: PartyId,
    directory: Directory,
    directory_bytes: usize,
    rows: Vec<FileRow>,
    references: String,
    errors: Vec<RowError>,
    error_count: i64,
}

impl NeedsFile {
    /// An empty file of a member.
    #[must_use]
    pub fn new(party: PartyId) -> Self {
        Self {
            party,
            directory: Directory::default(),
            directory_bytes: 0,
            rows: Vec::new(),
            references: String::new(),
            errors: Vec::new(),
            error_count: 0,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn party(&self) -> PartyId {
        self.party
    }

    /// What is known of the articles and sites it names.
    pub fn directory(&mut self) -> &mut Directory {
        &mut self.directory
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<FileRow>() + self.references.capacity() + self.directory_bytes
    }

    /// Rows without fault.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Faults that the sender found before rows were typed.
    pub fn add_faults(&mut self, errors: Vec<RowError>, faulty_rows: i64) {
        let told = i64::try_from(errors.len()).unwrap_or(i64::MAX);
        self.error_count = self.error_count.saturating_add(told.max(faulty_rows));
        let room = ERROR_LIMIT.saturating_sub(self.errors.len());
        self.errors.extend(errors.into_iter().take(room).map(|error| RowError { value: cut(&error.value), ..error }));
    }

    /// Adds rows whose references are in the directory, which has grown by `bytes` for them.
    ///
    /// # Errors
    /// [`DemandError::FileTooLong`].
    pub fn add(&mut self, typed: &[TypedNeed], bytes: usize) -> Result<(), DemandError> {
        self.directory_bytes += bytes;
        let too_long = |limit, what| DemandError::FileTooLong { limit, what };
        if self.directory.article_refs() > ARTICLE_LIMIT {
            return Err(too_long(ARTICLE_LIMIT, "articles"));
        }
        if self.directory.site_refs() > SITE_LIMIT {
            return Err(too_long(SITE_LIMIT, "sites"));
        }
        for need in typed {
            match self.directory.read(self.party, need) {
                Ok(read) => self.push(need, read)?,
                Err(faults) => self.fault(faults),
            }
        }
        Ok(())
    }

    fn push(&mut self, need: &TypedNeed, read: ReadRow) -> Result<(), DemandError> {
        let too_long = |limit, what| DemandError::FileTooLong { limit, what };
        if self.rows.len() >= ROW_LIMIT {
            return Err(too_long(ROW_LIMIT, "rows"));
        }
        let number = u32::try_from(need.row).map_err(|_| too_long(ROW_LIMIT, "rows"))?;
        let reference = check_reference(need.row, &need.reference).unwrap_or_default();
        let reference_at =
            u32::try_from(self.references.len()).ok().filter(|_| self.references.len() < REFERENCE_BYTES);
        let (Some(reference_at), Ok(reference_len)) = (reference_at, u8::try_from(reference.len())) else {
            return Err(too_long(REFERENCE_BYTES, "bytes of references"));
        };
        self.references.push_str(reference);
        self.rows.push(FileRow { number, read, reference_at, reference_len });
        Ok(())
    }

    fn fault(&mut self, faults: Vec<RowFault>) {
        self.add_faults(faults.into_iter().map(row_error).collect(), 0);
    }

    /// Ends reading: finds the references that stand twice.
    ///
    /// # Errors
    /// The number of all faults and the first of them, by row.
    pub fn check(mut self) -> Result<Self, (i64, Vec<RowError>)> {
        let repeated = repeated_references(self.rows.iter().map(|row| (i64::from(row.number), self.reference(row))));
        self.error_count = self.error_count.saturating_add(i64::try_from(repeated.len()).unwrap_or(i64::MAX));
        self.errors.extend(repeated.into_iter().take(ERROR_LIMIT).map(row_error));
        if self.error_count == 0 {
            return Ok(self);
        }
        self.errors.sort_by_key(|error| error.row);
        self.errors.truncate(ERROR_LIMIT);
        Err((self.error_count, self.errors))
    }

    /// Rows whose commitment their round does not take, and how many they are.
    #[must_use]
    pub fn commitment_faults(&self, kind: RoundKind) -> (i64, Vec<RowError>) {
        let faulty = self.rows.iter().filter_map(|row| {
            let said = row.read.commitment().filter(|said| kind.commitment(Some(*said)).is_err())?;
            Some(row_error(no_census(i64::from(row.number), said)))
        });
        let (mut count, mut first) = (0, Vec::new());
        for error in faulty {
            count += 1;
            if first.len() < ERROR_LIMIT {
                first.push(error);
            }
        }
        (count, first)
    }

    /// The needs, in the order of the file. `make` gives a reference to a row that has none.
    pub fn needs(&self, make: impl Fn(i64) -> String) -> impl Iterator<Item = (WholeRow<'_>, Cow<'_, str>)> {
        self.rows.iter().filter_map(move |row| {
            let number = i64::from(row.number);
            let reference = match self.reference(row) {
                "" => Cow::Owned(make(number)),
                reference => Cow::Borrowed(reference),
            };
            Some((self.directory.whole(number, &row.read)?, reference))
        })
    }

    fn reference(&self, row: &FileRow) -> &str {
        let at = row.reference_at as usize;
        self.references.get(at..at + usize::from(row.reference_len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use kit::id::{ArticleId, SiteId};

    use super::*;
    use crate::domain::{
        conversion::{Level, packagings},
        directory::KnownArticle,
        need::LineKind,
    };

    fn file() -> NeedsFile {
        let party = PartyId::new();
        let mut file = NeedsFile::new(party);
        let levels = [Level { code: "UNIT".into(), label: "unité".into(), contains: None }];
        let packagings = packagings(&levels, "unité").unwrap();
        let article = KnownArticle { id: ArticleId::new(), label: "Gant".into(), kind: LineKind::Goods, packagings };
        file.directory().add_article("key:g", Some((article, "UNIT")));
        file.directory().add_site("key:s", Some((SiteId::new(), party)));
        file
    }

    fn row(row: i64, reference: &str) -> TypedNeed {
        TypedNeed {
            row,
            site: "key:s".into(),
            article: "key:g".into(),
            quantity: 1,
            reference: reference.into(),
            ..TypedNeed::default()
        }
    }

    #[test]
    fn a_million_rows_stay_below_their_memory() {
        let mut file = file();
        for start in (1..=1_000_000_i64).step_by(1_000) {
            let rows: Vec<TypedNeed> = (start..start + 1_000).map(|n| row(n, &format!("REFERENCE-{n:010}"))).collect();
            file.add(&rows, 0).unwrap();
        }
        assert!(file.bytes() < 80 << 20, "{} bytes", file.bytes());
        assert!(matches!(file.add(&[row(1_000_001, "x")], 0), Err(DemandError::FileTooLong { .. })));
        let file = file.check().unwrap();
        let (last, reference) = file.needs(|_| String::new()).last().unwrap();
        assert_eq!((last.row, &*reference), (1_000_000, "REFERENCE-0001000000"));
    }

    #[test]
    fn all_faults_are_counted_and_the_first_ten_thousand_told_by_row() {
        let mut file = file();
        file.add_faults(vec![RowError { row: 1, column: "quantity".into(), ..RowError::default() }], 3);
        let rows: Vec<TypedNeed> = (2..15_002).map(|n| TypedNeed { quantity: 0, ..row(n, "") }).collect();
        file.add(&rows, 0).unwrap();
        file.add(&[row(15_002, "A"), row(15_003, "A")], 0).unwrap();
        let (count, errors) = file.check().unwrap_err();
        assert_eq!(count, 3 + 15_000 + 1);
        assert_eq!(errors.len(), ERROR_LIMIT);
        assert!(errors.iter().map(|error| error.row).eq(1..=10_000));
    }

    #[test]
    fn a_row_without_reference_gets_one() {
        let mut file = file();
        file.add(&[row(7, ""), row(8, " B ")], 0).unwrap();
        let file = file.check().unwrap();
        let references: Vec<_> = file.needs(|row| format!("made-{row}")).map(|(_, reference)| reference).collect();
        assert_eq!(references, ["made-7", "B"]);
    }
}
