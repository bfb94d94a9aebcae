//! Rotations: bringing what old keys wrap under new ones, and how far that has come.

use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_crypto::RootKeyId;
use uuid::Uuid;

use crate::ids::OrgId;
use crate::kinds::wire_enum;

wire_enum! {
    /// Where a root key stands in its life.
    RootKeyState {
        /// Made, and told to the servers; wraps nothing yet.
        Prepared = 1 => "prepared",
        /// Wraps what is new.
        Active = 2 => "active",
        /// Still wraps something old.
        Superseded = 3 => "superseded",
        /// Wraps nothing any more.
        Unneeded = 4 => "unneeded",
        /// Said to be destroyed.
        Retired = 5 => "retired",
    }
}

wire_enum! {
    /// Whether a rotation has come to its end.
    RotationState {
        /// Rows are left, or may be.
        Running = 1 => "running",
        /// Nothing is left under older keys.
        Done = 2 => "done",
    }
}

/// How a rotation is to go.
#[derive(Debug, Clone, Copy)]
pub struct RotationStart {
    /// Whether credentials get new data keys and ciphertext, instead of a new wrap alone.
    pub re_encrypt: bool,
    /// Most rows per second; unlimited when absent.
    pub throttle: Option<i32>,
    /// When it begins.
    pub at: DateTime<Utc>,
}

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Progress {
    /// Running or done.
    pub state: RotationState,
    /// Rows there were when it began.
    pub rows_total: i64,
    /// Rows that are done.
    pub rows_done: i64,
    /// Most rows per second; unlimited when absent.
    pub throttle: Option<i32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When somebody last worked on it.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Progress {
    /// Rows that are left.
    #[must_use]
    pub fn rows_left(&self) -> i64 {
        self.rows_total - self.rows_done
    }

    /// Rows per second, from the beginning to the last sign of work.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let seconds = (self.updated_at - self.started_at).as_seconds_f64();
        if seconds <= 0.0 {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss, reason = "a rate to look at")]
        let rows = self.rows_done as f64;
        rows / seconds
    }
}

/// Bringing an organization's credentials under a new generation of its key.
#[derive(Debug, Clone, Serialize)]
pub struct Rotation {
    /// The organization.
    pub org_id: OrgId,
    /// The new generation.
    pub generation: i32,
    /// Whether credentials get new data keys and ciphertext, instead of a new wrap alone.
    pub re_encrypt: bool,
    /// How far it has come.
    #[serde(flatten)]
    pub progress: Progress,
}

/// Re-wrapping organizations' keys and service keys under a new root key.
#[derive(Debug, Clone)]
pub struct RootRotation {
    /// The new root key.
    pub root_key: RootKeyId,
    /// How far it has come.
    pub progress: Progress,
}

/// What a running server says of itself.
#[derive(Debug, Clone)]
pub struct ServerReport {
    /// Its own id, new at every start.
    pub id: Uuid,
    /// What people recognize it by.
    pub name: String,
    /// Since when it runs.
    pub started_at: DateTime<Utc>,
    /// The root keys it holds.
    pub root_keys: Vec<RootKeyId>,
}

/// A server that reported lately.
#[derive(Debug, Clone)]
pub struct RunningServer {
    /// What people recognize it by.
    pub name: String,
    /// The root keys it holds.
    pub root_keys: Vec<RootKeyId>,
}
