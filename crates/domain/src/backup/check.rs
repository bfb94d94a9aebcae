//! Verification of the audit trails in a backup.

use strongroom_crypto::{PublicKey, SecretKey, Signer};

use crate::audit::chain::Chain;
use crate::audit::heads::{LaneHead, decode_heads};
use crate::audit::signed::Checkpoint;
use crate::audit::walk::{Fault, LaneWalk};
use crate::backup::finding::BackupFinding;
use crate::backup::record::{CheckpointRow, EventRow};
use crate::ids::{CredentialId, OrgId};

/// Verifies one organization's audit trail, lane by lane. Holds the digests of one lane at a time.
#[derive(Debug)]
pub struct TrailCheck<'a> {
    chain: &'a Chain,
    key: PublicKey,
    org: OrgId,
    walk: Option<LaneWalk<'a>>,
    checkpoint: Option<Checkpoint>,
    passed: u64,
}

impl<'a> TrailCheck<'a> {
    /// A verifier for the audit trail of `org` with the service's keys.
    #[must_use]
    pub fn new(chain: &'a Chain, signing: &SecretKey, org: OrgId) -> Self {
        Self {
            chain,
            key: Signer::new(signing).public_key(),
            org,
            walk: None,
            checkpoint: None,
            passed: 0,
        }
    }

    /// Verifies the checkpoint of the next lane.
    pub fn checkpoint(&mut self, row: &CheckpointRow) -> Option<BackupFinding> {
        self.passed += 1;
        let checkpoint = row.checkpoint();
        if checkpoint.is_genuine(&self.key, self.org) {
            self.checkpoint = Some(checkpoint);
            return None;
        }
        let lane = row.lane;
        Some(finding(
            self.org,
            None,
            "checkpoint",
            format!(
                "audit lane {lane}: the checkpoint's signature is invalid: it was altered or \
                 inserted"
            ),
        ))
    }

    /// Verifies the next event. Returns the findings and the heads that the event names.
    pub fn event(&mut self, row: &EventRow) -> (Vec<BackupFinding>, Vec<LaneHead>) {
        self.passed += 1;
        let stored = row.stored();
        let same = self.walk.take().filter(|walk| walk.lane() == stored.lane);
        let mut walk =
            same.unwrap_or_else(|| LaneWalk::new(self.chain, self.org, stored.lane, None));
        if stored.seq > walk.next()
            && let Some(checkpoint) = self.checkpoint.take_if(|at| at.lane == stored.lane)
            && (walk.next()..=stored.seq).contains(&checkpoint.seq.saturating_add(1))
        {
            walk = LaneWalk::new(self.chain, self.org, stored.lane, Some(&checkpoint));
        }
        let faults = walk.step(&stored);
        self.walk = Some(walk);
        let genuine = faults.is_empty();
        let findings = faults.iter().map(|fault| self.fault(row, fault)).collect();
        let heads = stored.heads.as_deref().filter(|_| genuine);
        (findings, heads.and_then(decode_heads).unwrap_or_default())
    }

    /// Verifies the trail as a whole, after its last event.
    #[must_use]
    pub fn end(&self) -> Option<BackupFinding> {
        (self.passed == 0).then(|| {
            let what =
                "the audit trail is empty: even the organization's creation event is missing";
            finding(self.org, None, "missing_event", what.to_owned())
        })
    }

    fn fault(&self, row: &EventRow, fault: &Fault) -> BackupFinding {
        let (lane, seq) = (row.lane, row.seq);
        let (code, message) = match fault {
            Fault::Altered => (
                "altered_event",
                format!(
                    "audit event {seq} of lane {lane} is not what was recorded: it was edited, \
                     moved or inserted"
                ),
            ),
            Fault::Missing { from, to } => (
                "missing_event",
                format!("audit events {from} to {to} of lane {lane} are missing"),
            ),
            Fault::Doubled => (
                "doubled_event",
                format!("audit event {seq} of lane {lane} occurs more than once"),
            ),
        };
        finding(self.org, None, code, message)
    }
}

pub(crate) fn finding(
    org: OrgId,
    credential: Option<CredentialId>,
    code: &'static str,
    message: String,
) -> BackupFinding {
    BackupFinding {
        org,
        credential,
        code,
        message,
    }
}
