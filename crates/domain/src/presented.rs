//! What a caller presents to identify itself.

use std::fmt;

use crate::oauth::client::ClientCredentials;

/// What a caller presents to identify itself.
pub enum Presented<'a> {
    /// The text of an API key.
    ApiKey(&'a str),
    /// The text of an access token.
    Token(&'a str),
    /// The id and secret of an OAuth 2.0 client.
    Client(ClientCredentials),
    /// The text of a session of the console.
    Session(&'a str),
}

// The texts are secrets.
impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey(_) => "ApiKey([redacted])",
            Self::Token(_) => "Token([redacted])",
            Self::Client(_) => "Client([redacted])",
            Self::Session(_) => "Session([redacted])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_secret() {
        let all = [
            Presented::ApiKey("canary"),
            Presented::Token("canary"),
            Presented::Session("canary"),
        ];
        for presented in all {
            let shown = format!("{presented:?}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
