//! What the verification of an audit trail found.

use std::fmt;

use serde::Serialize;

use crate::ids::{LaneId, OrgId};

/// Most findings that are listed of one organization; the others are counted.
const MAX_LISTED: usize = 1000;

/// One thing that is wrong with an organization's audit trail. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// The organization.
    pub org_id: OrgId,
    /// The lane.
    pub lane: LaneId,
    /// The number in the lane.
    pub seq: i64,
    /// `altered`, `missing`, `doubled`, `cut` or `checkpoint`.
    pub kind: &'static str,
    /// What is wrong, for people.
    pub what: String,
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lane,
            seq,
            kind,
            what,
            ..
        } = self;
        write!(f, "lane {lane} event {seq}: {kind}: {what}")
    }
}

/// What verifying one organization's audit trail came to.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// The organization.
    pub org_id: OrgId,
    /// Events that were read.
    pub events: u64,
    /// Lanes that have events.
    pub lanes: u64,
    /// Things that are wrong.
    pub found: u64,
    /// The first thousand of them.
    pub findings: Vec<AuditFinding>,
}

impl AuditReport {
    /// Nothing read and nothing found.
    pub(super) fn empty(org_id: OrgId) -> Self {
        Self {
            org_id,
            events: 0,
            lanes: 0,
            found: 0,
            findings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, lane: LaneId, seq: i64, kind: &'static str, what: String) {
        self.found += 1;
        if self.findings.len() < MAX_LISTED {
            self.findings.push(AuditFinding {
                org_id: self.org_id,
                lane,
                seq,
                kind,
                what,
            });
        }
    }
}
