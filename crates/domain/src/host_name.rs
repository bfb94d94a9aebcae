//! Names of hosts that requests are sent to.

use std::fmt;
use std::sync::Arc;

/// A DNS name of at least two labels, in lower case and without a final dot. It is never an IP
/// address, in any spelling that a parser of URLs or the C library would accept as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Arc<str>);

/// Most bytes of a name (RFC 1035 § 2.3.4, without the length bytes).
const MAX_NAME: usize = 253;
/// Most bytes of a label.
const MAX_LABEL: usize = 63;

impl HostName {
    /// Parses a name (RFC 1123 § 2.1). An internationalized name is given in its `xn--` form.
    ///
    /// # Errors
    /// The rule that `text` violates.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.len() > MAX_NAME {
            return Err("must be a DNS name of 1 to 253 bytes");
        }
        if text.contains(['[', ']', ':', '/', '@', '%']) {
            return Err("must be a DNS name alone, without scheme, port, path or brackets");
        }
        let labels: Vec<&str> = text.split('.').collect();
        if !labels.iter().all(|label| is_label(label)) {
            return Err("must have labels of 1 to 63 letters, digits and inner hyphens only");
        }
        if labels.last().is_some_and(|label| is_number(label)) {
            return Err("must be a DNS name, not an IP address");
        }
        if labels.len() < 2 {
            return Err("must have at least two labels, as in api.example.com");
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

// A name whose last label is a number is read as an IPv4 address by parsers of URLs, as is 0x7f.1
// (WHATWG URL, "ends in a number").
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_lower_case() {
        for (text, name) in [
            ("api.stripe.com", "api.stripe.com"),
            ("API.Stripe.COM", "api.stripe.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1password.com", "1password.com"),
            ("1.2.3.4.example.com", "1.2.3.4.example.com"),
            ("0xab.example.x0", "0xab.example.x0"),
        ] {
            assert_eq!(HostName::parse(text).unwrap().as_str(), name);
        }
    }

    #[test]
    fn addresses_are_refused_in_every_spelling() {
        for text in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0X7F.1",
            "0x7f.0.0.0x1",
            "0177.0.0.01",
            "127.0.0.0x",
            "[::1]",
            "::1",
            "[::ffff:127.0.0.1]",
            "::ffff:7f00:1",
            "fe80::1%eth0",
            "1.2.3.4.",
            "１２７.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "256.256.256.256",
            "00000.1",
            "example.0x7f",
        ] {
            assert!(HostName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let (long_label, long) = ("a".repeat(64), "a.".repeat(126) + "aa");
        for text in [
            "",
            ".",
            "localhost",
            "example.com.",
            ".example.com",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "*.example.com",
            "example.com:443",
            "user@example.com",
            "example.com/",
            "https://example.com",
            "exa mple.com",
            "example.com\n",
            "example.com\0",
            "bücher.example",
            "%65xample.com",
            &format!("{long_label}.example"),
            &format!("{long}.example"),
        ] {
            assert!(HostName::parse(text).is_err(), "{text}");
        }
    }
}
