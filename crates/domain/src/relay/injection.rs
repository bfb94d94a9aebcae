//! Where a policy puts the secret into a request.

/// The name that stands for the minted token instead of a member of the credential.
pub const MINTED: &str = "minted_token";

/// One place, and what is put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Injection {
    /// A header with a prefix before the value of a member.
    Header {
        /// The name, in lower case.
        name: String,
        /// The prefix, such as `Bearer ` or `Token token=`.
        prefix: String,
        /// The member of the credential, or [`MINTED`].
        from: String,
    },
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The member with the user name.
        username: String,
        /// The member with the password; without one, it is empty.
        password: Option<String>,
    },
    /// A parameter of the query.
    Query {
        /// The name.
        name: String,
        /// The member of the credential.
        from: String,
    },
}

/// Headers that a policy cannot set: they frame the message, lead it elsewhere, or are dropped.
const RESERVED: &[&str] = &[
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "range",
    "if-range",
    "accept-encoding",
    "content-encoding",
    "content-type",
    "cookie",
    "forwarded",
    "via",
    "date",
];

impl Injection {
    /// The header that it sets, in lower case.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Header { name, .. } => Some(name),
            Self::Basic { .. } => Some("authorization"),
            Self::Query { .. } => None,
        }
    }

    /// The parameter of the query that it sets.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Query { name, .. } => Some(name),
            Self::Header { .. } | Self::Basic { .. } => None,
        }
    }

    /// Whether it needs a token that is minted.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        matches!(self, Self::Header { from, .. } if from == MINTED)
    }
}

/// Checks the name of a header that a policy sets.
///
/// # Errors
/// The rule that it violates.
pub fn check_header(name: &str) -> Result<(), &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_token) {
        return Err("must be a header of 1 to 64 letters, digits and hyphens");
    }
    let prefixes = [
        "slashid-",
        "x-forwarded-",
        "proxy-",
        "x-http-method",
        "x-original-",
    ];
    let reserved =
        RESERVED.contains(&&*lower) || prefixes.iter().any(|prefix| lower.starts_with(prefix));
    match reserved {
        true => Err("must not be a header that frames, redirects or describes the message"),
        false => Ok(()),
    }
}

/// Checks the prefix of a header's value.
///
/// # Errors
/// The rule that it violates.
pub fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    match prefix.len() <= 64 && prefix.bytes().all(is_plain) {
        true => Ok(()),
        false => Err("must have at most 64 printable ASCII characters"),
    }
}

/// Checks the name of a parameter that a policy sets.
///
/// # Errors
/// The rule that it violates.
pub fn check_parameter(name: &str) -> Result<(), &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    match (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err("must have 1 to 64 letters, digits, and - _ . ~"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_frame_or_lead_elsewhere_are_refused() {
        for name in [
            "Authorization",
            "X-Api-Key",
            "X-Shopify-Access-Token",
            "apikey",
        ] {
            assert_eq!(check_header(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "Host",
            "HOST",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Cookie",
            "SlashID-API-Key",
            "X-Forwarded-For",
            "Proxy-Authorization",
            "X-Original-URL",
            "X-HTTP-Method-Override",
            "a b",
            "a:b",
            "a\r\nb",
            "a_b",
            "Range",
            "Accept-Encoding",
        ] {
            assert!(check_header(name).is_err(), "{name}");
        }
        assert!(check_prefix("Token token=").is_ok() && check_prefix("a\r\nb").is_err());
        assert!(check_parameter("key").is_ok() && check_parameter("a&b").is_err());
    }
}
