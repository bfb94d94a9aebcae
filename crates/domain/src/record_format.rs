//! The format of records that servers write.
//!
//! A server of an earlier version cannot read a newer format. The database therefore names the
//! newest format to write, and that advances once every running server reads it.

use chrono::{DateTime, Utc};

/// The newest record format that this program reads and writes. With 2, audit events have
/// details, and sealed blobs are bound to their label. With 3, the installation has an audit trail.
/// With 4, organizations have sub-organizations, and API keys have limits besides a role. With 5,
/// credentials have versions of their value and an expiry. With 6, credentials have relay policies,
/// and are used without a reveal. With 7, the console has sessions.
pub const RECORD_FORMAT: i32 = 7;

/// The record format from which on the installation has an audit trail.
pub(crate) const INSTALLATION_TRAIL: i32 = 3;

/// The record format from which on there are sub-organizations and limits of keys.
pub(crate) const TENANTS: i32 = 4;

/// The record format from which on there are versions of values.
pub(crate) const VALUES: i32 = 5;

/// The record format from which on there are relay policies.
pub(crate) const RELAY: i32 = 6;

/// The record format from which on the console has sessions.
pub(crate) const CONSOLE: i32 = 7;

/// The record format that servers write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordFormat {
    /// The format, at most [`RECORD_FORMAT`] of the newest version that has run.
    pub format: i32,
    /// The time from which no record of format 1 is new.
    pub since: DateTime<Utc>,
}

impl RecordFormat {
    /// The first format, which every version reads.
    pub const FIRST: Self = Self {
        format: 1,
        since: DateTime::UNIX_EPOCH,
    };
}
