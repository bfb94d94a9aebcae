//! Mistakes in a URL that would be read as something else.

/// What has to be percent-encoded. The parser ends credentials at the first @, and the authority at
/// the first / or ?.
pub(super) fn misread(url: &str) -> Option<&'static str> {
    let (_, url) = url.split_once("://")?;
    let is_encoded = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if url.split('%').skip(1).any(|rest| !is_encoded(rest)) {
        return Some("contains a raw %: percent-encode it as %25");
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (authority, path) = base.split_once('/').unwrap_or((base, ""));
    if authority.matches('@').count() > 1 {
        return Some("contains more than one @: percent-encode one in a password as %40");
    }
    if !authority.contains('@') && path.contains('@') {
        return Some("contains a / before the @: percent-encode a / in a password as %2F");
    }
    if !base.contains('@') && query.contains('@') {
        return Some("contains a ? before the @: percent-encode a ? in a password as %3F");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_characters_of_a_password_are_named() {
        for (url, encoded) in [
            ("postgresql://u:hunt@er2@h/d", "%40"),
            ("postgresql://u:hunt%er2@h/d", "%25"),
            ("postgresql://u:hunter%2@h/d", "%25"),
            ("postgresql://u:hunt/er2@h/d", "%2F"),
            ("postgresql://u:hunt?er2@h/d", "%3F"),
            ("postgresql://u:hunt?er2=x@h/d", "%3F"),
        ] {
            let problem = misread(url).unwrap();
            assert!(problem.contains(encoded), "{url}: {problem}");
        }
        for url in [
            "postgresql://u:a#b:c@h/d",
            "postgresql://u:a%40%25%2F%3Fb@h/d",
            "postgresql://u@h/d?application_name=a@b",
            "postgresql:///d?host=/run",
        ] {
            assert_eq!(misread(url), None, "{url}");
        }
    }
}
