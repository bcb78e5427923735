//! Pages of lists: rows after the key of the last row seen.

/// Which page.
#[derive(Debug, Clone, Copy)]
pub struct Page<I> {
    /// Rows wanted, at least 1.
    pub size: i64,
    /// Id of the last row seen; none for the first page.
    pub after: Option<I>,
}

impl<I> Page<I> {
    /// Rows to read: one more than wanted tells whether another page follows.
    #[must_use]
    pub const fn rows_to_read(&self) -> i64 {
        self.size + 1
    }

    /// Cuts the extra row off and gives the key of the next page, if there is one.
    pub fn cut<R>(&self, rows: &mut Vec<R>, key: impl FnOnce(&R) -> String) -> String {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return String::new();
        }
        rows.truncate(size);
        rows.last().map(key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_row_tells_whether_another_page_follows() {
        let page = Page::<()> { size: 2, after: None };
        let mut rows = vec![1, 2, 3];
        assert_eq!(page.cut(&mut rows, ToString::to_string), "2");
        assert_eq!(rows, [1, 2]);
        assert_eq!(page.cut(&mut rows, ToString::to_string), "");
    }
}
