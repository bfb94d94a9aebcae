//! Entity tags of credentials, and conditions on them (RFC 9110, sections 8.8.3 and 13.1).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use strongroom_crypto::Digest;

/// The bytes of a tag.
const SIZE: usize = 16;
/// The bytes of its text: base64url without padding, in quotation marks.
const TEXT: usize = 24;

/// The entity tag of one version of a credential: its version, and 8 bytes of the digest of its
/// row. After a failover that lost a write, a version number comes again, with another digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag([u8; SIZE]);

impl EntityTag {
    /// The tag of the version `version` of a credential whose row has this digest.
    #[must_use]
    pub fn new(version: i64, digest: &Digest) -> Self {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&version.to_be_bytes());
        bytes[8..].copy_from_slice(&digest[..8]);
        Self(bytes)
    }

    /// The bytes that are stored in the row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tag with these bytes, if it is one of `version`. A server of an earlier version changes
    /// a row without its tag.
    #[must_use]
    pub fn of_version(bytes: &[u8], version: i64) -> Option<Self> {
        let tag = Self(bytes.try_into().ok()?);
        (tag.0[..8] == version.to_be_bytes()).then_some(tag)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'"'; TEXT];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text[1..TEXT - 1]);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `*`: any version.
    Any,
    /// A list of tags. Those that cannot be of a credential are left out: they match nothing.
    Tags(Vec<EntityTag>),
}

impl Condition {
    /// Parses the value of the header. `weak` admits weak tags, as `If-None-Match` does: they are
    /// compared like strong ones. A weak tag in `If-Match` matches nothing.
    ///
    /// `None` if the value is malformed.
    #[must_use]
    pub fn parse(value: &str, weak: bool) -> Option<Self> {
        let value = value.trim_matches([' ', '\t']);
        if value == "*" {
            return Some(Self::Any);
        }
        let (mut tags, mut rest) = (Vec::new(), value);
        let mut is_empty = true;
        loop {
            // Empty elements count for nothing (RFC 9110, section 5.6.1.2).
            rest = rest.trim_start_matches([' ', '\t']);
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
                continue;
            }
            if rest.is_empty() {
                return (!is_empty).then_some(Self::Tags(tags));
            }
            let (is_weak, quoted) = match rest.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let (text, after) = quoted.strip_prefix('"')?.split_once('"')?;
            if text.chars().any(|c| c.is_ascii_control() || c == ' ') {
                return None;
            }
            tags.extend(EntityTag::parse(text).filter(|_| weak || !is_weak));
            is_empty = false;
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }

    /// Whether the version with this tag matches.
    #[must_use]
    pub fn matches(&self, tag: EntityTag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.contains(&tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_was_written() {
        let tag = EntityTag::new(7, &[0xab; 32]);
        let text = tag.to_string();
        assert_eq!(text, "\"AAAAAAAAAAerq6urq6urqw\"");
        let only = Condition::parse(&text, false).unwrap();
        assert!(only.matches(tag));
        assert!(!only.matches(EntityTag::new(8, &[0xab; 32])));
        assert!(!only.matches(EntityTag::new(7, &[0xac; 32])));
        assert_eq!(EntityTag::of_version(tag.bytes(), 7), Some(tag));
        assert_eq!(EntityTag::of_version(tag.bytes(), 8), None);
        assert_eq!(EntityTag::of_version(b"", 7), None);
    }

    #[test]
    fn conditions_are_lists_of_tags() {
        let tag = EntityTag::new(7, &[0xab; 32]);
        let listed = format!("\"\", \"xyzzy\" ,\t{tag}");
        assert!(Condition::parse(&listed, false).unwrap().matches(tag));
        assert!(Condition::parse(" * ", false).unwrap().matches(tag));
        let weak = format!("W/{tag}");
        assert!(!Condition::parse(&weak, false).unwrap().matches(tag));
        assert!(Condition::parse(&weak, true).unwrap().matches(tag));
        let other = Condition::parse("\"xyzzy\"", false).unwrap();
        assert!(!other.matches(tag));
        for empty in ["\"a\",", ", \"a\"", "\"a\",,\"b\"", "\"\u{e9}\""] {
            assert!(Condition::parse(empty, true).is_some(), "{empty}");
        }
        for malformed in [
            "",
            ",",
            "7",
            "\"a",
            "a\"",
            "\"a\" \"b\"",
            "*,\"a\"",
            "w/\"a\"",
            "\"a b\"",
        ] {
            assert_eq!(Condition::parse(malformed, true), None, "{malformed}");
        }
    }
}
