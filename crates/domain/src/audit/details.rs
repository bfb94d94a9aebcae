//! Further members of audit events.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Further members of an event: a JSON object without white space, its members sorted by name, as
/// in RFC 8785. It contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details(String);

impl Details {
    /// The object with these members.
    #[must_use]
    pub fn new<const N: usize>(members: [(&str, Value); N]) -> Self {
        let members = members.map(|(name, value)| (name.to_owned(), value));
        let sorted: Map<String, Value> = members.into_iter().collect();
        Self(Value::Object(sorted).to_string())
    }

    /// The same members, and those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut all = self.members();
        all.extend(other.members());
        // Texts as names and JSON as values are always serializable.
        Self(serde_json::to_string(&all).unwrap_or_default())
    }

    // The values stay texts, which is cheaper than to read and write them.
    fn members(&self) -> BTreeMap<String, &RawValue> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The members without `name`; `None` if none is left.
    #[must_use]
    pub fn without(&self, name: &str) -> Option<Self> {
        let members = serde_json::from_str::<Map<String, Value>>(&self.0);
        let mut members = members.unwrap_or_default();
        members.remove(name);
        (!members.is_empty()).then(|| Self(Value::Object(members).to_string()))
    }

    /// Details as stored. Their digest proves the text, so it is not checked here.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The member `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        let mut members: Map<String, Value> = serde_json::from_str(&self.0).ok()?;
        members.remove(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_canonical() {
        let details = Details::new([("b", json!([1, "x"])), ("a", json!(null))]);
        assert_eq!(details.as_str(), r#"{"a":null,"b":[1,"x"]}"#);
        assert_eq!(details.get("b"), Some(json!([1, "x"])));
        assert_eq!(details.get("c"), None);
        assert_eq!(Details::stored("no JSON".into()).get("a"), None);
        let both = Details::new([("c", json!(1))]).and(&details);
        assert_eq!(both.as_str(), r#"{"a":null,"b":[1,"x"],"c":1}"#);
    }
}
