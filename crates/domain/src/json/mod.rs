//! Strict JSON (RFC 8259, restricted as in I-JSON, RFC 7493): no duplicate members at any depth, no
//! lone surrogates, at most [`MAX_DEPTH`](value::MAX_DEPTH) levels. Numbers are checked for syntax
//! and never converted.

pub(crate) mod merge;
pub mod value;
pub(crate) mod walk;

use serde_json::value::RawValue;

use crate::json::value::{JsonError, Value, malformed, syntax};
use crate::json::walk::{Path, Walk};

/// Parses `bytes` as one strict JSON text.
///
/// # Errors
/// [`JsonError`] for the first error, with line and column.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    if text.starts_with('\u{feff}') {
        let why = "a byte order mark at line 1 column 1, which JSON must not have (RFC 8259, 8.1)";
        return Err(malformed(why.into()));
    }
    if text.trim().is_empty() {
        return Err(malformed("the body is empty".into()));
    }
    let root: &RawValue = serde_json::from_str(text).map_err(|error| syntax(&error))?;
    let root = Value(root);
    Walk { text }.check(root, &Path::Root)?;
    Ok(root)
}

#[cfg(test)]
mod tests {
    use crate::json::value::PRINTABLE_NAME_MAX;
    use crate::json::value::{members, same};
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
    fn members_are_returned_as_sent() {
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
    fn values_are_compared_as_values() {
        let text = r#"{"a":{"b":[1,"é"],"c":null},"d":"x"}"#;
        for equal in [
            text,
            r#" { "d" : "\u0078", "a": {"c":null, "b":[1 ,"\u00e9"]} } "#,
        ] {
            assert!(same(text.as_bytes(), equal.as_bytes()), "{equal}");
        }
        for other in [
            r#"{"a":{"b":[1,"é"],"c":null}}"#,
            r#"{"a":{"b":[1,"é"],"c":null},"d":"y"}"#,
            r#"{"a":{"b":["é",1],"c":null},"d":"x"}"#,
            r#"{"a":{"b":[1.0,"é"],"c":null},"d":"x"}"#,
            r#"{"a":{"b":[1,"é"],"c":false},"d":"x"}"#,
            r#"{"a":{"b":[1,"é",1],"c":null},"d":"x"}"#,
        ] {
            assert!(!same(text.as_bytes(), other.as_bytes()), "{other}");
        }
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
    fn syntax_errors_contain_the_position() {
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
        assert!(error.field.chars().count() <= PRINTABLE_NAME_MAX + 1);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn strings_round_trip(text: String) {
            let sent = serde_json::to_string(&text).unwrap();
            let value = parse(sent.as_bytes()).unwrap();
            let read = value.as_string().unwrap();
            prop_assert_eq!(read.as_str(), text.as_str());
        }
    }
}
