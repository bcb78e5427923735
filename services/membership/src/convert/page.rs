//! Pages: rows after the key of the last row seen.

use std::str::FromStr;

use proto::common::v1 as pb;

use super::Fields;
use crate::domain::Page;

/// Rows of a page for who does not say.
const DEFAULT_SIZE: i32 = 50;
/// Most rows of a page for people.
const MOST_FOR_PEOPLE: i32 = 500;
/// Most rows of a page for another service, which reads all pages anyway.
const MOST_FOR_SERVICES: i32 = 5_000;

/// Reads which page is asked for.
pub fn page_from_proto<I: FromStr>(fields: &mut Fields, page: Option<&pb::Page>, is_service: bool) -> Page<I> {
    let (size, after) = page.map_or((0, ""), |page| (page.size, page.after.as_str()));
    let most = if is_service { MOST_FOR_SERVICES } else { MOST_FOR_PEOPLE };
    if !(0..=most).contains(&size) {
        fields.fault("page.size", &format!("must be 1 to {most}, or 0 for {DEFAULT_SIZE}"));
    }
    let after = fields.parsed_if_any("page.after", after, |text| {
        text.parse().map_err(|_| "must be the next_after of a page of this list")
    });
    Page { size: i64::from(if size == 0 { DEFAULT_SIZE } else { size }), after }
}

#[cfg(test)]
mod tests {
    use kit::id::PartyId;

    use super::*;

    #[test]
    fn people_have_smaller_pages_than_services() {
        let read = |size, is_service| {
            let mut fields = Fields::new();
            let page =
                page_from_proto::<PartyId>(&mut fields, Some(&pb::Page { size, after: String::new() }), is_service);
            fields.finish(Some(page.size)).ok()
        };
        assert_eq!(read(0, false), Some(50));
        assert_eq!(read(500, false), Some(500));
        assert_eq!(read(501, false), None);
        assert_eq!(read(5_000, true), Some(5_000));
        assert_eq!(read(5_001, true), None);
        assert_eq!(read(-1, false), None);
    }
}
