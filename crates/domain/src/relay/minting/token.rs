//! A token that was minted.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_crypto::SecretString;

/// The lifetime of a token whose endpoint names none, in seconds.
const UNNAMED_LIFETIME: i64 = 300;
/// The longest lifetime that counts, in seconds (30 days).
const MOST_LIFETIME: i64 = 30 * 24 * 60 * 60;
/// Seconds before its expiry from which a token is no longer used, if a tenth of its lifetime is
/// not more.
const EARLY: i64 = 30;

/// An access token with its expiry, as its endpoint counts it.
pub struct MintedToken {
    /// The token, of visible ASCII characters.
    pub value: SecretString,
    /// Counted from the moment at which it was requested, so never later than the true one.
    pub expires_at: DateTime<Utc>,
    fresh_until: DateTime<Utc>,
}

impl MintedToken {
    /// A token that was requested at `requested_at`, with its lifetime in seconds.
    #[must_use]
    pub fn new(value: SecretString, requested_at: DateTime<Utc>, lifetime: Option<i64>) -> Self {
        let lifetime = lifetime.unwrap_or(UNNAMED_LIFETIME).clamp(0, MOST_LIFETIME);
        let early = EARLY.max(lifetime / 10);
        let after = |seconds| requested_at + TimeDelta::seconds(seconds);
        Self {
            value,
            expires_at: after(lifetime),
            fresh_until: after(lifetime - early),
        }
    }

    /// Whether a request that begins now may use it.
    #[must_use]
    pub fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        now < self.fresh_until
    }

    /// Whether it has expired.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires_at
    }
}

impl fmt::Debug for MintedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a token until {}", self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_early() {
        let at = |seconds: i64| DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap();
        let token = |lifetime| MintedToken::new(SecretString::new("t".into()), at(0), lifetime);
        for (lifetime, fresh, expires) in [
            (Some(3600), 3240, 3600),
            (Some(300), 270, 300),
            (Some(60), 30, 60),
            (None, 270, 300),
            (Some(i64::MAX), 27 * 86_400, 30 * 86_400),
        ] {
            let token = token(lifetime);
            assert!(token.is_fresh(at(fresh - 1)) && !token.is_fresh(at(fresh)));
            assert_eq!(token.expires_at, at(expires));
            assert!(!token.has_expired(at(expires - 1)) && token.has_expired(at(expires)));
        }
        let short = token(Some(20));
        assert!(!short.is_fresh(at(0)) && !short.has_expired(at(19)));
    }
}
