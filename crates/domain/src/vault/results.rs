//! Results of background work, which every server shows.

use crate::error::VaultError;
use crate::health::condition::Condition;
use crate::overview::LastScrub;
use crate::scrub::ScrubResult;
use crate::vault::Vault;

impl Vault {
    /// Stores the result of a scrub, for all servers.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn record_scrub(&self, result: ScrubResult) -> Result<(), VaultError> {
        let proof = self.chain.prove_scrub_result(&result);
        self.store.put_scrub_result(result, proof).await?;
        self.counters.scrub_runs.add(1);
        self.show_results().await
    }

    /// Shows the result of the last scrub, on whichever server it ran, and the time of the newest
    /// root of the audit trails in the counters of this server.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn show_results(&self) -> Result<(), VaultError> {
        match self.last_scrub().await? {
            LastScrub::NotKnown => {}
            LastScrub::Ended(result) => self.show_scrub(result),
            LastScrub::Altered => {
                let why = "the stored result of the last scrub was altered";
                self.counters
                    .conditions
                    .record(Condition::AuditAltered, why);
            }
        }
        if let Some(root) = self.newest_audit_root().await? {
            self.counters.audit.root_signed(root.at);
        }
        Ok(())
    }

    /// The result of the last scrub of all organizations, on whichever server it ran.
    pub(super) async fn last_scrub(&self) -> Result<LastScrub, VaultError> {
        let stored = self.store.scrub_result().await?;
        Ok(match stored {
            None => LastScrub::NotKnown,
            Some((result, proof)) => match proof == self.chain.prove_scrub_result(&result) {
                true => LastScrub::Ended(result),
                false => LastScrub::Altered,
            },
        })
    }

    fn show_scrub(&self, result: ScrubResult) {
        if self.shown_scrub.lock().replace(result) == Some(result) {
            return;
        }
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let (findings, trail_findings) = (count(result.findings), count(result.trail_findings));
        self.counters
            .scrub_ended(result.ended_at, findings, trail_findings);
        let conditions = &self.counters.conditions;
        match trail_findings {
            0 => conditions.absent(Condition::AuditAltered),
            found => {
                let cause = format!("{found} findings in the last verification of all trails");
                conditions.record(Condition::AuditAltered, cause);
            }
        }
    }
}
