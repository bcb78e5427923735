//! How an article is named in a request or a file.

use kit::id::ArticleId;

use super::identifier::{Code, Identifier, Scheme};

/// One of the ways to name an article.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// `art_…`
    Id(ArticleId),
    /// `key:…`
    Key(String),
    /// `gtin:…`, `cip13:…`, `ucd13:…`, or the bare code. All find the same: a CIP13 and its GTIN-14 are one code.
    Code(Code),
}

impl Reference {
    /// Reads a reference. What is none of them names no article: `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(key) = text.strip_prefix("key:") {
            return Some(Self::Key(key.to_owned())).filter(|_| !key.is_empty());
        }
        if text.starts_with("art_") {
            return text.parse().ok().map(Self::Id);
        }
        for (prefix, scheme) in [("gtin:", Scheme::Gtin), ("cip13:", Scheme::Cip13), ("ucd13:", Scheme::Ucd13)] {
            if let Some(code) = text.strip_prefix(prefix) {
                return Identifier::parse(scheme, code).ok().map(|identifier| Self::Code(identifier.code()));
            }
        }
        Code::parse(text).ok().map(Self::Code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_nothing_else() {
        let code = Reference::Code(Code::parse("3400949497294").unwrap());
        for text in [
            "cip13:3400949497294",
            "gtin:03400949497294",
            "gtin:3400949497294",
            "3400949497294",
            "03400949497294",
            " 3400949497294 ",
        ] {
            assert_eq!(Reference::parse(text).as_ref(), Some(&code), "{text}");
        }
        let id = ArticleId::new();
        assert_eq!(Reference::parse(&id.to_string()), Some(Reference::Id(id)));
        assert_eq!(Reference::parse("key:A:1"), Some(Reference::Key("A:1".to_owned())));
        for text in ["", "key:", "art_1", "ucd13:3400949497294", "3400949497295", "34009494972940", "doliprane"] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
