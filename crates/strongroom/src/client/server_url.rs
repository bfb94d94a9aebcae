use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// The base URL of a server. It ends without a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    text: String,
    tls: bool,
}

impl ServerUrl {
    /// Parses `https://host[:port][/path]`. `http://` is accepted for this machine, and for others
    /// if `insecure` is set: everyone on the way can read the key and the secrets then.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub(crate) fn parse(text: &str, insecure: bool) -> Result<Self, String> {
        const FORM: &str = "must be https://host, with an optional port and path";
        let uri: Uri = text.parse().map_err(|_| FORM.to_owned())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(FORM.into());
        };
        if authority.as_str().contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(format!("{FORM}, without user, query and fragment"));
        }
        let tls = match scheme {
            "https" => true,
            "http" if insecure || is_this_machine(authority.host()) => false,
            "http" => {
                return Err(
                    "is not encrypted: everyone on the way could read the key and the secrets. \
                     Use https://, or add --insecure-http if the network itself is encrypted"
                        .into(),
                );
            }
            _ => return Err(FORM.into()),
        };
        let text = text.trim_end_matches('/').to_owned();
        Ok(Self { text, tls })
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

// The name `localhost` never leaves the machine (RFC 6761 § 6.3).
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| {
        address.to_canonical().is_loopback()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_this_machine_alone() {
        for url in [
            "http://127.0.0.1:8700",
            "http://127.1.2.3",
            "http://[::1]:8700/",
            "http://LOCALHOST:1",
        ] {
            assert!(!ServerUrl::parse(url, false).unwrap().is_tls(), "{url}");
        }
        for url in [
            "http://example.com",
            "http://10.0.0.1:8700",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            let refused = ServerUrl::parse(url, false).unwrap_err();
            assert!(refused.contains("--insecure-http"), "{url}: {refused}");
            assert!(!ServerUrl::parse(url, true).unwrap().is_tls(), "{url}");
        }
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_path() {
        let shown = |url| ServerUrl::parse(url, false).map(|url| url.to_string());
        assert_eq!(shown("https://h/a/"), Ok("https://h/a".into()));
        assert!(ServerUrl::parse("https://h:1", false).unwrap().is_tls());
        for bad in [
            "",
            "h",
            "h:8700",
            "/path",
            "ftp://h",
            "https://",
            "https://user:password@h",
            "https://h?a=b",
            "https://h#a",
            "https://h h",
        ] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }
}
