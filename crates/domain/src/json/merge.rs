//! JSON Merge Patch (RFC 7396).

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use crate::json::value::{Kind, Value};

/// `target`, changed by `patch`: a member of `patch` that is null removes the member, one that is
/// an object changes it in the same way, and any other one replaces it. The values of all other
/// members keep their exact bytes.
///
/// Both were parsed before. `None` if one is no JSON text, which is a defect.
pub(crate) fn merge(target: &[u8], patch: &[u8]) -> Option<Zeroizing<String>> {
    let target = Value(serde_json::from_slice(target).ok()?);
    let patch = Value(serde_json::from_slice(patch).ok()?);
    // A growing text would leave copies of the secret in freed memory.
    let size = target.text().len() + patch.text().len() + 2;
    let mut merged = Zeroizing::new(String::with_capacity(size));
    write(&mut merged, Some(target), patch);
    Some(merged)
}

fn write(merged: &mut String, target: Option<Value<'_>>, patch: Value<'_>) {
    let Some(changes) = patch.members() else {
        merged.push_str(patch.text());
        return;
    };
    let current = target.and_then(Value::members).unwrap_or_default();
    let named: HashMap<&str, Value<'_>> = changes.iter().map(|(name, v)| (&**name, *v)).collect();
    let existing: HashSet<&str> = current.iter().map(|(name, _)| &**name).collect();
    merged.push('{');
    for (name, value) in &current {
        match named.get(&**name) {
            Some(change) if change.kind() == Kind::Null => {}
            Some(change) => {
                begin_member(merged, name);
                write(merged, Some(*value), *change);
            }
            None => {
                begin_member(merged, name);
                merged.push_str(value.text());
            }
        }
    }
    for (name, change) in &changes {
        if change.kind() != Kind::Null && !existing.contains(&**name) {
            begin_member(merged, name);
            write(merged, None, *change);
        }
    }
    merged.push('}');
}

fn begin_member(merged: &mut String, name: &str) {
    if !merged.ends_with('{') {
        merged.push(',');
    }
    merged.push_str(&serde_json::Value::from(name).to_string());
    merged.push(':');
}

#[cfg(test)]
mod tests {
    fn merged(target: &str, patch: &str) -> String {
        let merged = super::merge(target.as_bytes(), patch.as_bytes());
        merged.unwrap().to_string()
    }

    // RFC 7396, appendix A, as far as target and result are objects.
    #[test]
    fn the_examples_of_the_rfc() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), result, "{target} {patch}");
        }
    }

    #[test]
    fn what_is_not_named_keeps_its_bytes() {
        let target = "{\"big\": 12345678901234567890.10, \"text\":\"\\u00e9\u{e9}\", \"n\":1}";
        assert_eq!(
            merged(target, r#"{"n":1e400,"\u006f":{"p":[null]}}"#),
            "{\"big\":12345678901234567890.10,\"text\":\"\\u00e9\u{e9}\",\"n\":1e400,\
             \"o\":{\"p\":[null]}}"
        );
        assert_eq!(merged(r#"{"a\"\n":1}"#, "{}"), r#"{"a\"\n":1}"#);
    }
}
