//! Key rotations: states, progress and results.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::ids::OrgId;
use crate::kinds::wire_enum;

wire_enum! {
    /// The state of a root key.
    RootKeyState {
        /// Created and announced to the servers. It wraps no key yet.
        Prepared = 1 => "prepared",
        /// It wraps new keys.
        Active = 2 => "active",
        /// It still wraps older keys.
        Superseded = 3 => "superseded",
        /// It no longer wraps any key.
        Unneeded = 4 => "unneeded",
        /// The operator has declared it destroyed.
        Retired = 5 => "retired",
    }
}

wire_enum! {
    /// The state of a rotation.
    RotationState {
        /// Rows may be left.
        Running = 1 => "running",
        /// No row is left under an older key.
        Done = 2 => "done",
    }
}

/// The parameters of a new rotation.
#[derive(Debug, Clone, Copy)]
pub struct RotationStart {
    /// Whether credentials are re-encrypted with new data keys, instead of re-wrapping their data
    /// keys.
    pub re_encrypt: bool,
    /// The maximum number of rows per second; `None` for no limit.
    pub throttle: Option<i32>,
    /// The start time.
    pub at: DateTime<Utc>,
}

/// The progress of a rotation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Progress {
    /// The state.
    pub state: RotationState,
    /// The number of rows at the start.
    pub rows_total: i64,
    /// The number of completed rows.
    pub rows_done: i64,
    /// The maximum number of rows per second; `None` for no limit.
    pub throttle: Option<i32>,
    /// The start time.
    pub started_at: DateTime<Utc>,
    /// The time of the last completed step.
    pub updated_at: DateTime<Utc>,
    /// The end time.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Progress {
    /// The number of rows that are left.
    #[must_use]
    pub fn rows_left(&self) -> i64 {
        self.rows_total - self.rows_done
    }

    /// The average rate in rows per second, from the start to the last completed step.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = (self.updated_at - self.started_at).as_seconds_f64();
        if seconds <= 0.0 {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss, reason = "an approximate rate")]
        let rows = self.rows_done as f64;
        rows / seconds
    }
}

/// A rotation of an organization's key: its credentials are re-wrapped or re-encrypted under a new
/// generation.
#[derive(Debug, Clone, Serialize)]
pub struct Rotation {
    /// The organization.
    pub org_id: OrgId,
    /// The new generation.
    pub generation: i32,
    /// Whether credentials are re-encrypted with new data keys, instead of re-wrapping their data
    /// keys.
    pub re_encrypt: bool,
    /// The progress.
    #[serde(flatten)]
    pub progress: Progress,
}

/// A rotation of the root key: organizations' keys and service keys are re-wrapped under a new root
/// key.
#[derive(Debug, Clone)]
pub struct RootRotation {
    /// The new root key.
    pub root_key: RootKeyId,
    /// The progress.
    pub progress: Progress,
}

/// The time by which a server's clock may be ahead. A report from later is not a server's.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The report of a running server.
#[derive(Debug, Clone)]
pub struct ServerReport {
    /// The id of the server process, new at every start.
    pub id: Uuid,
    /// The name of the server.
    pub name: String,
    /// The start time of the server.
    pub started_at: DateTime<Utc>,
    /// The root keys that the server holds.
    pub root_keys: Vec<RootKeyId>,
    /// The newest record format that the server reads.
    pub record_format: i32,
}

/// A server that reported recently.
#[derive(Debug, Clone)]
pub struct RunningServer {
    /// The id of the server process.
    pub id: Uuid,
    /// The name of the server.
    pub name: String,
    /// The start time of the server.
    pub started_at: DateTime<Utc>,
    /// The time of its last report.
    pub seen_at: DateTime<Utc>,
    /// The root keys that the server holds.
    pub root_keys: Vec<RootKeyId>,
    /// The newest record format that the server reads.
    pub record_format: i32,
}
