//! Results of background work, which every server shows.

use crate::error::VaultError;
use crate::health::condition::Condition;
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
        if let Some((result, proof)) = self.store.scrub_result().await? {
            match proof == self.chain.prove_scrub_result(&result) {
                true => self.show_scrub(result),
                false => {
                    let why = "the stored result of the last scrub was altered";
                    self.counters
                        .conditions
                        .record(Condition::AuditAltered, why);
                }
            }
        }
        if let Some(root) = self.newest_audit_root().await? {
            self.counters.audit.root_signed(root.at);
        }
        Ok(())
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
