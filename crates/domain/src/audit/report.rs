//! Reports of the verification of audit trails.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::ids::{LaneId, OrgId};

/// The maximum number of listed findings per organization. Further findings are only counted.
const MAX_LISTED: usize = 1000;

/// A fault of an organization's audit trail. Contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// The organization.
    pub org_id: OrgId,
    /// The lane.
    pub lane: LaneId,
    /// The sequence number in the lane.
    pub seq: i64,
    /// The last missing or named event; `seq` for other kinds.
    #[serde(skip)]
    pub until: i64,
    /// `altered`, `missing`, `doubled`, `cut`, `checkpoint`, `root` or `unverified`.
    pub kind: &'static str,
    /// The description, for humans.
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

/// An operator's acknowledgment that the events of a lane up to a number were lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcknowledgedLoss {
    /// The lane.
    pub lane: LaneId,
    /// The last lost event.
    pub seq: i64,
    /// The operator's reason.
    pub reason: String,
}

impl AcknowledgedLoss {
    // Only a loss can be acknowledged: an event that was altered or inserted is there.
    fn covers(&self, finding: &AuditFinding) -> bool {
        finding.is_loss() && finding.lane == self.lane && finding.until <= self.seq
    }
}

impl AuditFinding {
    /// Whether events are gone.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self.kind, "missing" | "cut")
    }
}

/// The verification report of one organization's audit trail.
#[derive(Debug, Serialize)]
pub struct AuditReport {
    /// The organization.
    pub org_id: OrgId,
    /// The number of verified events.
    pub events: u64,
    /// The number of lanes with events.
    pub lanes: u64,
    /// The number of findings.
    pub found: u64,
    /// The first 1000 findings.
    pub findings: Vec<AuditFinding>,
    /// Losses that an operator acknowledged. They are not among the findings.
    pub acknowledged: Vec<AcknowledgedLoss>,
    /// The times of the kept roots under which the organization has a genuine leaf.
    #[serde(skip)]
    pub leaves: Vec<DateTime<Utc>>,
}

impl AuditReport {
    /// A report without events and findings.
    pub(crate) fn empty(org_id: OrgId) -> Self {
        Self {
            org_id,
            events: 0,
            lanes: 0,
            found: 0,
            findings: Vec::new(),
            acknowledged: Vec::new(),
            leaves: Vec::new(),
        }
    }

    /// The report of a trail that cannot be verified, because of `why`: one finding.
    #[must_use]
    pub fn unverified(org_id: OrgId, why: &str) -> Self {
        let mut report = Self::empty(org_id);
        let no_lane = LaneId(uuid::Uuid::nil());
        report.add(
            no_lane,
            1,
            "unverified",
            format!("cannot be verified: {why}"),
        );
        report
    }

    /// Moves the losses that `acknowledged` covers out of the findings.
    pub(crate) fn acknowledge(&mut self, acknowledged: Vec<AcknowledgedLoss>) {
        for loss in acknowledged {
            let before = self.findings.len();
            self.findings.retain(|finding| !loss.covers(finding));
            let covered = before - self.findings.len();
            if covered > 0 {
                self.found -= covered as u64;
                self.acknowledged.push(loss);
            }
        }
    }

    pub(crate) fn add(&mut self, lane: LaneId, seq: i64, kind: &'static str, what: String) {
        self.add_range(lane, (seq, seq), kind, what);
    }

    pub(crate) fn add_range(
        &mut self,
        lane: LaneId,
        (seq, until): (i64, i64),
        kind: &'static str,
        what: String,
    ) {
        self.found += 1;
        if self.findings.len() < MAX_LISTED {
            self.findings.push(AuditFinding {
                org_id: self.org_id,
                lane,
                seq,
                until,
                kind,
                what,
            });
        }
    }
}
