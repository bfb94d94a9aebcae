//! Values of a parsed JSON text, and parse errors.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The maximum nesting depth of objects and arrays. The outermost is level 1.
pub const MAX_DEPTH: usize = 32;

/// The maximum length of a member name in an error message, in characters.
pub(crate) const PRINTABLE_NAME_MAX: usize = 64;

/// A parse error and its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The machine-readable code: `malformed_json`, `duplicate_member`, `too_deep` or `wrong_type`.
    pub code: &'static str,
    /// The path of the member (`json_blob.a[0].b`); empty for the whole text.
    pub field: String,
    /// The error. Contains no values.
    pub message: String,
}

/// The kind of a JSON value.
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

/// A value of a parsed text. Borrows its exact bytes.
#[derive(Clone, Copy)]
pub struct Value<'a>(pub(super) &'a RawValue);

/// The members of an object, in the order of the text.
pub type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'a> Value<'a> {
    /// The exact text of the value.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0.get()
    }

    /// The kind of the value.
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

    /// The decoded string, or `None` for any other kind. Wiped on drop, because it may be a secret.
    #[must_use]
    pub fn as_string(self) -> Option<Zeroizing<String>> {
        if self.kind() != Kind::String {
            return None;
        }
        serde_json::from_str::<String>(self.text())
            .ok()
            .map(Zeroizing::new)
    }

    /// The boolean, or `None` for any other kind.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        serde_json::from_str(self.text()).ok()
    }

    /// The whole number, or `None` for any other value. As in JSON Schema, `60.0` and `6e1` are
    /// whole numbers too.
    #[must_use]
    pub fn as_whole(self) -> Option<i64> {
        if self.kind() != Kind::Number {
            return None;
        }
        let exact = self.text().parse().ok();
        exact.or_else(|| {
            let number: f64 = self.text().parse().ok()?;
            // Up to here, every whole number has a representation of its own.
            let is_whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
            is_whole.then(|| number.to_string().parse().ok()).flatten()
        })
    }

    /// The elements of an array, or `None` for any other kind.
    #[must_use]
    pub fn elements(self) -> Option<Vec<Self>> {
        let elements: Vec<&'a RawValue> = serde_json::from_str(self.text()).ok()?;
        Some(elements.into_iter().map(Self).collect())
    }

    /// The members, or `None` for any other kind.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
        let RawMembers(members) = serde_json::from_str(self.text()).ok()?;
        Some(members)
    }
}

/// The members of an object that was parsed before, or `None` for any other kind. Does not repeat
/// the checks for duplicate members and depth.
pub(crate) fn members(checked: &[u8]) -> Option<Members<'_>> {
    let RawMembers(members) = serde_json::from_slice(checked).ok()?;
    Some(members)
}

/// Whether two texts that were parsed before have the same value: the order of members, white space
/// and the escapes of strings count for nothing. Numbers are compared as they are written.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let value = |text| serde_json::from_slice(text).ok().map(Value);
    one == other
        || match (value(one), value(other)) {
            (Some(one), Some(other)) => one.is_same(other),
            _ => false,
        }
}

impl Value<'_> {
    fn is_same(self, other: Value<'_>) -> bool {
        if self.kind() != other.kind() {
            return false;
        }
        match self.kind() {
            Kind::Object => {
                let (one, two) = (self.sorted_members(), other.sorted_members());
                let mut pairs = one.iter().zip(&two);
                one.len() == two.len()
                    && pairs.all(|(one, two)| one.0 == two.0 && one.1.is_same(two.1))
            }
            Kind::Array => {
                let one = self.elements().unwrap_or_default();
                let two = other.elements().unwrap_or_default();
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
            }
            Kind::String => self.text() == other.text() || self.as_string() == other.as_string(),
            Kind::Number | Kind::Bool | Kind::Null => self.text() == other.text(),
        }
    }

    fn sorted_members(&self) -> Members<'_> {
        let mut members = self.members().unwrap_or_default();
        members.sort_by(|(one, _), (two, _)| one.cmp(two));
        members
    }
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

pub(crate) fn malformed(what: String) -> JsonError {
    JsonError {
        code: "malformed_json",
        field: String::new(),
        message: format!("malformed JSON: {what}"),
    }
}

// The syntax errors of `serde_json` contain the expected token and the position, but no input.
pub(crate) fn syntax(error: &serde_json::Error) -> JsonError {
    malformed(error.to_string())
}

/// A member name for an error message: truncated, with control characters replaced.
#[must_use]
pub fn printable_name(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(PRINTABLE_NAME_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if name.chars().nth(PRINTABLE_NAME_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// All members, including duplicates, which serde's maps would merge.
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
