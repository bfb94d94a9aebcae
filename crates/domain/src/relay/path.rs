//! Paths of requests, which go to an upstream byte by byte.

/// A path that every reader takes for the same one: without dot segments, encoded slashes,
/// backslashes and control bytes, also when it is decoded twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath(String);

impl RequestPath {
    /// Checks a path, without its query.
    ///
    /// # Errors
    /// The rule that it violates.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') {
            return Err("the path must begin with /");
        }
        let once = decoded(text.as_bytes()).ok_or("the path has an incomplete %-encoding")?;
        let twice = decoded(&once).unwrap_or_else(|| once.clone());
        let is_control = |byte: &u8| byte.is_ascii_control();
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) || once.iter().any(is_control) {
            return Err("the path has a control character, a space, or a byte beyond ASCII");
        }
        if twice.iter().any(is_control) {
            return Err("the path has a control character");
        }
        if twice.contains(&b'\\') {
            return Err("the path has a backslash");
        }
        let slashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'/').count();
        if slashes(&twice) != slashes(text.as_bytes()) {
            return Err("the path has an encoded slash");
        }
        if twice.split(|byte| *byte == b'/').any(is_dot_segment) {
            return Err("the path has a dot segment");
        }
        if text.contains('#') {
            return Err("the path has a fragment");
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// Some servers cut off what follows a semicolon before they resolve dot segments.
fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b';').next();
    matches!(name, Some(b"." | b".."))
}

/// `bytes` without %-encoding; `None` if one is incomplete.
pub(crate) fn decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            decoded.push(*byte);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(decoded)
}

/// Whether the query has a parameter `name`, in any case and encoding.
#[must_use]
pub fn has_parameter(query: &str, name: &str) -> bool {
    let is_it = |pair: &str| {
        let given = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let once = decoded(given.as_bytes()).unwrap_or_else(|| given.clone().into_bytes());
        let twice = decoded(&once).unwrap_or_else(|| once.clone());
        // Some servers end the name at an array index or a NUL, or skip white space before it.
        [given.into_bytes(), once, twice].iter().any(|given| {
            let given = given.trim_ascii();
            let end = given.iter().position(|byte| matches!(byte, b'[' | 0));
            given[..end.unwrap_or(given.len())].eq_ignore_ascii_case(name.as_bytes())
        })
    };
    query.split(['&', ';']).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_stay_as_they_are() {
        for path in [
            "/",
            "/v1/charges",
            "/v1//charges/",
            "/a/..b/.c/d..",
            "/a%20b/%E4",
            "/a;b=c/d",
            "/a:b@c!$&'()*+,=~",
            "/100%25",
            "/%7Euser/...",
        ] {
            assert_eq!(RequestPath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "",
            "v1",
            "/../a",
            "/a/..",
            "/a/./b",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e/a",
            "/%252e%252e/a",
            "/a/..;/b",
            "/a/.;x=y/b",
            "/a/%2e%2e;x/b",
            "/a%2Fb",
            "/a%2fb",
            "/a%252fb",
            "/a\\b",
            "/a%5Cb",
            "/a%255cb",
            "/a%00",
            "/a%0d%0ab",
            "/a%250ab",
            "/a b",
            "/a\tb",
            "/a\r\nb",
            "/a\u{7f}",
            "/ä",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/a#b",
        ] {
            assert!(RequestPath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn parameters_are_found_in_any_spelling() {
        for query in [
            "key=1",
            "a=b&key=1",
            "a=b;key=1",
            "KEY=1",
            "k%65y=1",
            "%6b%65%79=1",
            "k%2565y",
            "key",
            "key[]=1",
            "key%5B%5D=1",
            "+key=1",
            "key%00x=1",
            "%20key=1",
        ] {
            assert!(has_parameter(query, "key"), "{query}");
        }
        for query in ["", "keys=1", "a=key", "monkey=1", "a=b&c=key%3D1"] {
            assert!(!has_parameter(query, "key"), "{query}");
        }
    }
}
