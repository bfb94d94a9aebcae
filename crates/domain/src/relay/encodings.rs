//! The forms in which an upstream may send a secret back.

use data_encoding::{BASE64, BASE64URL};
use zeroize::Zeroizing;

/// A form of a secret, as bytes to look for.
pub type Needle = Zeroizing<Vec<u8>>;

/// Bytes that `encodeURIComponent` of JavaScript leaves as they are, beside letters and digits.
const COMPONENT: &[u8] = b"-_.!~*'()";
/// Those of RFC 3986 § 2.3.
const UNRESERVED: &[u8] = b"-_.~";
/// Those of `application/x-www-form-urlencoded`.
const FORM: &[u8] = b"-_.*";
/// Those that `encodeURI` of JavaScript leaves.
const URI: &[u8] = b"-_.!~*'();/?:@&=+$,#";

/// The forms of `secret`: raw, Base64 and base64url at each of the three alignments, hexadecimal,
/// percent-encoded, escaped for JSON and for HTML. Some may be equal.
#[must_use]
pub fn forms(secret: &[u8]) -> Vec<Needle> {
    let mut forms = vec![secret.to_vec()];
    for alignment in 0..3 {
        forms.push(base64(secret, alignment, &BASE64));
        forms.push(base64(secret, alignment, &BASE64URL));
    }
    let plain = is_plain(secret);
    for case in [Case::Upper, Case::Lower] {
        forms.push(secret.iter().flat_map(|byte| case.hex(*byte)).collect());
        forms.push(percent(secret, b"", false, case));
        for kept in [UNRESERVED, COMPONENT, FORM, URI] {
            if !plain {
                forms.push(percent(secret, kept, kept == FORM, case));
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.extend(wholly_escaped(text));
        if !plain {
            forms.extend(json_forms(text));
            forms.extend(["&#39;", "&#x27;", "&apos;"].map(|quote| html(text, quote)));
        }
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

/// Whether every escape but those of all characters leaves `secret` as it is, as most secrets are.
fn is_plain(secret: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    secret.iter().all(plain)
}

#[derive(Clone, Copy)]
enum Case {
    Upper,
    Lower,
}

impl Case {
    fn hex(self, byte: u8) -> [u8; 2] {
        let digits: &[u8; 16] = match self {
            Self::Upper => b"0123456789ABCDEF",
            Self::Lower => b"0123456789abcdef",
        };
        [
            digits[usize::from(byte >> 4)],
            digits[usize::from(byte & 15)],
        ]
    }
}

/// The characters of Base64 that `secret` alone determines when `alignment` other bytes stand
/// before it.
fn base64(secret: &[u8], alignment: usize, encoding: &data_encoding::Encoding) -> Vec<u8> {
    let padded = Zeroizing::new([&[0; 2][..alignment], secret].concat());
    let encoded = encoding.encode(&padded).into_bytes();
    let first = [0, 2, 3][alignment];
    let end = padded.len() * 8 / 6;
    encoded[first.min(end)..end].to_vec()
}

fn percent(secret: &[u8], kept: &[u8], spaces_as_plus: bool, case: Case) -> Vec<u8> {
    let mut form = Vec::with_capacity(secret.len() * 3);
    for byte in secret {
        // With no byte kept, letters and digits are encoded as well.
        let plain = byte.is_ascii_alphanumeric() && !kept.is_empty();
        match byte {
            b' ' if spaces_as_plus => form.push(b'+'),
            byte if plain || kept.contains(byte) => form.push(*byte),
            byte => {
                form.push(b'%');
                form.extend(case.hex(*byte));
            }
        }
    }
    form
}

/// Escaped for JSON, every character.
fn wholly_escaped(text: &str) -> [Vec<u8>; 2] {
    [Case::Lower, Case::Upper].map(|case| json(text, |_| false, |_| true, case))
}

/// Escaped for JSON as little as possible, with `/`, for HTML, and for ASCII.
fn json_forms(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let little = |_: char| false;
    let slash = |c: char| c == '/';
    let for_html = |c: char| matches!(c, '<' | '>' | '&' | '\'' | '=' | '\u{2028}' | '\u{2029}');
    let for_ascii = |c: char| !c.is_ascii();
    let forms = [
        json(text, slash, little, Case::Lower),
        json(text, little, little, Case::Lower),
        json(text, little, for_html, Case::Lower),
        json(text, little, for_html, Case::Upper),
        json(text, slash, for_html, Case::Lower),
        json(text, slash, for_html, Case::Upper),
        json(text, little, for_ascii, Case::Lower),
        json(text, little, for_ascii, Case::Upper),
        json(text, slash, for_ascii, Case::Lower),
        json(text, slash, for_ascii, Case::Upper),
    ];
    forms.into_iter()
}

fn json(
    text: &str,
    with_backslash: impl Fn(char) -> bool,
    as_number: impl Fn(char) -> bool,
    case: Case,
) -> Vec<u8> {
    let mut form = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            c if as_number(c) => number(&mut form, c, case),
            '"' | '\\' => form.extend(['\\', c]),
            c if with_backslash(c) => form.extend(['\\', c]),
            '\n' => form.push_str("\\n"),
            '\r' => form.push_str("\\r"),
            '\t' => form.push_str("\\t"),
            '\u{8}' => form.push_str("\\b"),
            '\u{c}' => form.push_str("\\f"),
            c if c.is_control() => number(&mut form, c, case),
            c => form.push(c),
        }
    }
    form.into_bytes()
}

fn number(form: &mut String, c: char, case: Case) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        form.push_str("\\u");
        let digits = unit.to_be_bytes().map(|byte| case.hex(byte));
        form.extend(digits.as_flattened().iter().map(|digit| char::from(*digit)));
    }
}

fn html(text: &str, apostrophe: &str) -> Vec<u8> {
    let mut form = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        match c {
            '&' => form.push_str("&amp;"),
            '<' => form.push_str("&lt;"),
            '>' => form.push_str("&gt;"),
            '"' => form.push_str("&quot;"),
            '\'' => form.push_str(apostrophe),
            c => form.push(c),
        }
    }
    form.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(secret: &str, form: &str) -> bool {
        forms(secret.as_bytes())
            .iter()
            .any(|needle| needle.as_slice() == form.as_bytes())
    }

    #[test]
    fn each_form_is_there() {
        for (secret, form) in [
            ("sk_live_51H", "sk_live_51H"),
            ("pass word/1+2", "pass%20word%2F1%2B2"),
            ("pass word/1+2", "pass%20word%2f1%2b2"),
            ("pass word/1+2", "pass+word%2F1%2B2"),
            ("pass word/1+2", "pass%20word/1+2"),
            ("it's(me)!", "it's(me)!"),
            ("it's(me)!", "it%27s%28me%29%21"),
            ("abcdefgh", "%61%62%63%64%65%66%67%68"),
            ("abcdefgh", "6162636465666768"),
            ("\u{ff}zwölf", "c3bf7a77c3b66c66"),
            ("\u{ff}zwölf", "C3BF7A77C3B66C66"),
            (r#"a"b\c/d"#, r#"a\"b\\c/d"#),
            (r#"a"b\c/d"#, r#"a\"b\\c\/d"#),
            ("a<b>&c", r"a\u003cb\u003e\u0026c"),
            ("a<b>&c", r"a\u003Cb\u003E\u0026c"),
            ("a<b>&c", "a&lt;b&gt;&amp;c"),
            ("a\n\u{1}", r"a\n\u0001"),
            ("zwölf", r"zw\u00f6lf"),
            ("🔑key", r"\ud83d\udd11key"),
            ("ab", r"\u0061\u0062"),
            ("a'b\"", "a&#39;b&quot;"),
        ] {
            assert!(has(secret, form), "{secret} as {form}");
        }
        assert!(!has("abcdefgh", ""));
    }

    #[test]
    fn a_plain_secret_has_no_further_forms() {
        for secret in ["sk_live-4.9", "abcdefgh"] {
            assert!(is_plain(secret.as_bytes()));
            let all = json_forms(secret).chain([html(secret, "&#39;")]);
            assert!(all.into_iter().all(|form| form == secret.as_bytes()));
            for kept in [UNRESERVED, COMPONENT, FORM, URI] {
                let form = percent(secret.as_bytes(), kept, kept == FORM, Case::Upper);
                assert_eq!(form, secret.as_bytes());
            }
        }
        assert!(!is_plain(b"a~b") && !is_plain(b"a b") && !is_plain("\u{e9}".as_bytes()));
    }

    // Whatever stands before and after the secret, one of its forms is in the whole text's Base64.
    #[test]
    fn base64_is_found_at_every_alignment() {
        for secret in ["abcdefgh", "a?>b?>c?>~~", "0123456789"] {
            let forms = forms(secret.as_bytes());
            for before in 0..6 {
                for after in 0..4 {
                    let text = ["<", &"\u{7f}".repeat(before), secret, &"?".repeat(after)].concat();
                    for encoding in [BASE64, BASE64URL] {
                        let encoded = encoding.encode(text.as_bytes());
                        let found =
                            |form: &Needle| encoded.contains(&*String::from_utf8_lossy(form));
                        assert!(forms.iter().any(found), "{before} {secret} {after}");
                    }
                }
            }
        }
    }
}
