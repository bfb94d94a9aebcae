//! The state of the verification of one audit trail.

use std::fmt;

use strongroom_crypto::PublicKey;

use crate::audit::heads::LaneHead;
use crate::audit::report::{AcknowledgedLoss, AuditReport};
use crate::audit::walk::LaneWalk;
use crate::caller::OrgScope;
use crate::ids::LaneId;
use crate::vault::Vault;

/// The state of the verification of one audit trail.
pub(super) struct Verification<'a> {
    pub(super) vault: &'a Vault,
    pub(super) scope: OrgScope,
    pub(super) key: PublicKey,
    pub(super) walk: Option<LaneWalk<'a>>,
    /// Whether the organization's creation event is there, or a checkpoint for pruned events.
    pub(super) has_beginning: bool,
    /// Named heads that have not been checked yet.
    pub(super) named_heads: Vec<(Witness, LaneHead)>,
    /// Losses that genuine events acknowledge.
    pub(super) acknowledged: Vec<AcknowledgedLoss>,
    pub(super) report: AuditReport,
}

/// The source of a named head.
#[derive(Debug, Clone)]
pub(super) enum Witness {
    /// This event.
    Event(LaneId, i64),
    /// Exported heads, signed at this time.
    Kept(String),
    /// The leaf under the root that was signed at this time.
    Root(String),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(lane, seq) => write!(f, "event {seq} of lane {lane} names it"),
            Self::Kept(at) => write!(f, "the heads signed at {at} name it"),
            Self::Root(at) => write!(f, "the root signed at {at} covers it"),
        }
    }
}
