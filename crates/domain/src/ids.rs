//! Identifiers of organizations, credentials, API keys and audit lanes.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strongroom_crypto::{CryptoError, RandomSource};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier: UUID version 7 (RFC 9562 § 5.7), so ids sort by creation time.
            ///
            /// # Errors
            /// [`CryptoError::Random`] if the random source fails.
            pub fn new(now: DateTime<Utc>, random: &dyn RandomSource) -> Result<Self, CryptoError> {
                let mut bytes = [0; 10];
                random.fill(&mut bytes)?;
                let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
                Ok(Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()))
            }

            /// The first identifier of those made at `at`: all that were made before are smaller.
            #[must_use]
            pub fn first_at(at: DateTime<Utc>) -> Self {
                let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
            }

            /// The time at which it was made, in milliseconds; `None` if a UUID of its version
            /// has none.
            #[must_use]
            pub fn created_at(self) -> Option<DateTime<Utc>> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
            }

            /// Parses the hyphenated form, in upper or lower case. Returns `None` for any other
            /// form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse_hyphenated(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

id! {
    /// The id of an organization (a tenant).
    OrgId
}
id! {
    /// The id of an external credential.
    CredentialId
}
id! {
    /// The id of an API key; its public part.
    KeyId
}
id! {
    /// The id of a lane of the audit trail: the events of one writer process.
    LaneId
}

impl OrgId {
    /// The installation itself, which owns the audit trail of root keys, service keys and jobs. No
    /// organization has this id.
    pub const INSTALLATION: Self = Self(Uuid::nil());
}

// `Uuid::try_parse` also accepts braces, URNs and plain hex. The API accepts one spelling.
pub(crate) fn parse_hyphenated(text: &str) -> Option<Uuid> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return None;
    }
    Uuid::try_parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_parses() {
        let id = "0190a1b2-0000-7000-8000-0123456789ab";
        assert_eq!(OrgId::parse(id).unwrap().to_string(), id);
        assert_eq!(OrgId::parse(&id.to_uppercase()).unwrap().to_string(), id);
        for wrong in [
            "",
            "x",
            "0190a1b2000070008000 0123456789ab",
            "0190a1b20000700080000123456789ab",
            "{0190a1b2-0000-7000-8000-0123456789ab}",
            "urn:uuid:0190a1b2-0000-7000-8000-0123456789ab",
            "0190a1b2-0000-7000-8000-0123456789ag",
            "0190a1b2-0000-7000-8000-0123456789ab ",
        ] {
            assert!(OrgId::parse(wrong).is_none(), "{wrong:?} parsed");
        }
    }
}
