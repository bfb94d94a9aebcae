//! Which methods and paths a policy allows.

use crate::relay::path::RequestPath;

/// Methods that are never sent: they make an upstream show the request, or open a tunnel.
pub const REFUSED_METHODS: [&str; 3] = ["TRACE", "TRACK", "CONNECT"];

/// A rule: these methods on these paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The methods; empty for all that may be sent.
    pub methods: Vec<String>,
    /// The paths; empty for all.
    pub paths: Vec<PathPattern>,
}

/// A path, or all paths that begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    start: String,
    is_prefix: bool,
}

impl Rule {
    /// Whether the rule allows `method`.
    #[must_use]
    pub fn allows_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|one| one == method)
    }

    /// Whether the rule allows `path`.
    #[must_use]
    pub fn allows_path(&self, path: &RequestPath) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|one| one.matches(path))
    }
}

impl PathPattern {
    /// Parses a path. With `*` at its end, it stands for all paths that begin with what is before.
    ///
    /// # Errors
    /// The rule that `text` violates.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (start, is_prefix) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        if start.contains('*') {
            return Err("must have * at its end only");
        }
        if !start.starts_with('/') || start.contains(['?', '#']) {
            return Err("must be a path that begins with /, without ? and #");
        }
        RequestPath::parse(start).map_err(|_| "must be a path without dot segments")?;
        if is_prefix && !start.ends_with('/') {
            return Err("must have / before *, as in /v1/*");
        }
        Ok(Self {
            start: start.to_owned(),
            is_prefix,
        })
    }

    /// Whether `path` is one of them, compared byte by byte.
    #[must_use]
    pub fn matches(&self, path: &RequestPath) -> bool {
        match self.is_prefix {
            true => path.as_str().starts_with(&self.start),
            false => path.as_str() == self.start,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.start, if self.is_prefix { "*" } else { "" })
    }

    /// Whether all its paths begin with `prefix`, which ends with `/`.
    pub(crate) fn is_below(&self, prefix: &str) -> bool {
        self.start.starts_with(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        let path = |text: &str| RequestPath::parse(text).unwrap();
        for (pattern, text, expected) in [
            ("/v1/*", "/v1/charges", true),
            ("/v1/*", "/v1/", true),
            ("/v1/*", "/v1", false),
            ("/v1/*", "/v10/charges", false),
            ("/v1/*", "/V1/charges", false),
            ("/v1/*", "/%761/charges", false),
            ("/v1/charges", "/v1/charges", true),
            ("/v1/charges", "/v1/charges/1", false),
            ("/*", "/anything", true),
        ] {
            let pattern = PathPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(&path(text)), expected, "{text}");
        }
        for wrong in [
            "",
            "*",
            "v1/*",
            "/v1*",
            "/*/a",
            "/v1/../*",
            "/a?b",
            "/a#b",
            "/%2e%2e/*",
        ] {
            assert!(PathPattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
