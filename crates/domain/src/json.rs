//! Strict JSON (RFC 8259, with the choices of I-JSON, RFC 7493): no duplicate member at any depth, no
//! lone surrogate, at most [`MAX_DEPTH`] levels. Numbers are checked for syntax and never converted.

mod walk;

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use walk::{Path, Walk};

/// How deep objects and arrays may nest; the outermost is level 1.
pub const MAX_DEPTH: usize = 32;

/// Longest part of a member's name that an error repeats, in characters.
const SHOWN_NAME: usize = 64;

/// Why a text is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Machine-readable kind: `malformed_json`, `duplicate_member`, `too_deep`, `wrong_type`.
    pub code: &'static str,
    /// The member concerned (`json_blob.a[0].b`), empty for the text as a whole.
    pub field: String,
    /// What is wrong. Quotes no value.
    pub message: String,
}

/// A JSON value's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// One value inside a checked text; borrows its exact bytes.
#[derive(Clone, Copy)]
pub struct Value<'a>(&'a RawValue);

/// An object's members, in the order they were sent.
pub type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'a> Value<'a> {
    /// The value's bytes as they were sent.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0.get()
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.text().as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The decoded string, or `None` when it is not one. Wiped on drop, as it may be a secret.
    #[must_use]
    pub fn as_string(self) -> Option<Zeroizing<String>> {
        if self.kind() != Kind::String {
            return None;
        }
        serde_json::from_str::<String>(self.text())
            .ok()
            .map(Zeroizing::new)
    }

    /// The boolean, or `None` when it is not one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        serde_json::from_str(self.text()).ok()
    }

    /// The members, or `None` when it is no object.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
        let RawMembers(members) = serde_json::from_str(self.text()).ok()?;
        Some(members)
    }
}

/// The members of an object that [`parse`] has checked before, or `None` when it is none. It looks for no repeated member,
/// and not how deep it is.
pub(crate) fn members(checked: &[u8]) -> Option<Members<'_>> {
    let RawMembers(members) = serde_json::from_slice(checked).ok()?;
    Some(members)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        })
    }
}

/// Checks `bytes` as one strict JSON text.
///
/// # Errors
/// [`JsonError`] for the first thing wrong, with line and column.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    if text.trim().is_empty() {
        return Err(malformed("the body is empty".into()));
    }
    let root: &RawValue = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    let root = Value(root);
    Walk { text }.check(root, &Path::Root)?;
    Ok(root)
}

fn malformed(what: String) -> JsonError {
    JsonError {
        code: "malformed_json",
        field: String::new(),
        message: format!("malformed JSON: {what}"),
    }
}

// serde_json's syntax messages name what was expected and where; they quote no input.
fn syntax(error: &serde_json::Error) -> JsonError {
    malformed(error.to_string())
}

/// A member's name as an error may repeat it: shortened, control characters replaced.
#[must_use]
pub fn shown_name(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(SHOWN_NAME)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if name.chars().nth(SHOWN_NAME).is_some() {
        shown.push('…');
    }
    shown
}

/// Keeps every member, also repeated ones, which serde's maps would merge.
struct RawMembers<'a>(Members<'a>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for RawMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, Value(value)));
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> JsonError {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn keeps_the_bytes_and_never_reads_numbers() {
        let text = r#"{"a": 1e400, "b": 12345678901234567890, "c": 1.10, "d":"é\u00e9😀"}"#;
        let members = parse(text.as_bytes()).unwrap().members().unwrap();
        let texts: Vec<_> = members.iter().map(|(_, value)| value.text()).collect();
        assert_eq!(
            texts,
            ["1e400", "12345678901234567890", "1.10", r#""é\u00e9😀""#]
        );
    }

    #[test]
    fn members_of_what_was_checked_are_those_that_were_sent() {
        let sent = r#"{"a":1,"\u0062":[2],"":null}"#;
        let read = members(sent.as_bytes()).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (&**name, value.text()))
            .collect();
        assert_eq!(read, [("a", "1"), ("b", "[2]"), ("", "null")]);
        assert!(members(b"[1]").is_none());
    }

    #[test]
    fn refuses_duplicates_at_any_depth_by_name() {
        assert_eq!(refused(r#"{"a":1,"a":2}"#).field, "a");
        let deep = refused("{\"x\":[0,{\"b\":1,\n \"\\u0062\":2}]}");
        assert_eq!(deep.field, "x[1].b");
        assert_eq!(deep.code, "duplicate_member");
        assert_eq!(refused(r#"{"":{"a":1,"a":2}}"#).field, ".a");
        assert!(
            deep.message.ends_with("at line 2 column 11"),
            "{}",
            deep.message
        );
    }

    #[test]
    fn refuses_lone_surrogates_in_values_and_names() {
        assert_eq!(refused(r#"{"a":"\ud800"}"#).field, "a");
        assert_eq!(refused(r#"{"a":{"\udfff":1}}"#).field, "a");
        assert!(parse(r#"{"a":"\ud83d\ude00"}"#.as_bytes()).is_ok());
    }

    #[test]
    fn depth_32_passes_and_33_does_not() {
        let nest = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nest(32).as_bytes()).is_ok());
        assert_eq!(refused(&nest(33)).code, "too_deep");
        assert_eq!(refused(&nest(30_000)).code, "too_deep");
    }

    #[test]
    fn malformed_texts_say_where() {
        for text in [
            "",
            "  ",
            "{",
            "{\"a\":}",
            "nul",
            "{} {}",
            "\u{feff}{}",
            "{\"a\":01}",
            "[1,]",
            "'a'",
        ] {
            assert_eq!(refused(text).code, "malformed_json", "{text:?}");
        }
        assert!(refused("{\"a\":}").message.contains("line 1 column 6"));
        assert!(
            parse(b"{\"a\":\"\xff\"}")
                .unwrap_err()
                .message
                .contains("byte 6")
        );
    }

    #[test]
    fn long_names_are_shortened_in_errors() {
        let name = "n".repeat(5000);
        let error = refused(&format!("{{\"{name}\":1,\"{name}\":2}}"));
        assert!(error.field.chars().count() <= SHOWN_NAME + 1);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn any_string_survives(text: String) {
            let sent = serde_json::to_string(&text).unwrap();
            let value = parse(sent.as_bytes()).unwrap();
            let read = value.as_string().unwrap();
            prop_assert_eq!(read.as_str(), text.as_str());
        }
    }
}
