//! Formats of audit events.

/// The format of an event and of its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFormat {
    /// Without details.
    First,
    /// With details, proved by this generation of the service key.
    Second(i32),
}

impl EventFormat {
    /// The generation of the service key, as stored beside the event.
    #[must_use]
    pub fn proof_key(self) -> Option<i32> {
        match self {
            Self::First => None,
            Self::Second(key) => Some(key),
        }
    }
}
