//! The hosts of a policy.

use std::fmt;

use crate::host_name::HostName;

/// Which hosts a policy names with one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(HostName),
    /// The hosts one label below this name, whose owner is the provider of the credential.
    Below(HostName),
}

impl HostPattern {
    /// Whether `host` is one of them.
    #[must_use]
    pub fn matches(&self, host: &HostName) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Below(name) => {
                let parent = host.as_str().split_once('.').map(|(_, parent)| parent);
                parent == Some(name.as_str())
            }
        }
    }

    /// Whether all hosts of `other` are among them.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(host) => self.matches(host),
            Self::Below(_) => self == other,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_are_one_label_longer() {
        let below = HostPattern::Below(HostName::parse("googleapis.com").unwrap());
        for (host, expected) in [
            ("storage.googleapis.com", true),
            ("us-central1-aiplatform.googleapis.com", true),
            ("googleapis.com", false),
            ("bucket.storage.googleapis.com", false),
            ("evilgoogleapis.com", false),
            ("storage.googleapis.com.evil.example", false),
        ] {
            let host = HostName::parse(host).unwrap();
            assert_eq!(below.matches(&host), expected, "{host}");
            assert_eq!(below.covers(&HostPattern::Exact(host)), expected);
        }
        assert!(below.covers(&below.clone()));
        assert_eq!(below.to_string(), "*.googleapis.com");
    }
}
