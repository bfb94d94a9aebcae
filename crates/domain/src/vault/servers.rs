//! Running servers: their reports, and the record format that all of them read.

use chrono::TimeDelta;
use strongroom_crypto::RootKeyId;

use crate::caller::Caller;
use crate::error::VaultError;
use crate::health::condition::Condition;
use crate::record_format::RECORD_FORMAT;
use crate::rotation::{CLOCK_TOLERANCE, RunningServer, ServerReport};
use crate::vault::Vault;

/// The time after which a server without a report counts as stopped.
const REPORT_TIMEOUT: TimeDelta = TimeDelta::seconds(10);
/// The time for which the report of a stopped server is kept.
const REPORT_RETENTION: TimeDelta = TimeDelta::days(1);

impl Vault {
    /// Lists running servers that have not loaded the root key `id`.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn servers_without(&self, id: RootKeyId) -> Result<Vec<RunningServer>, VaultError> {
        let mut servers = self.running_servers().await?;
        servers.retain(|server| !server.root_keys.contains(&id));
        Ok(servers)
    }

    /// Lists servers that reported recently.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn running_servers(&self) -> Result<Vec<RunningServer>, VaultError> {
        let now = self.now();
        let seen = now - REPORT_TIMEOUT..now + CLOCK_TOLERANCE;
        Ok(self.root_store.servers(seen).await?)
    }

    /// Reports a running server and its loaded root keys.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn report_server(&self, mut server: ServerReport) -> Result<(), VaultError> {
        server.root_keys = self.root().ids();
        Ok(self.root_store.report_server(&server, self.now()).await?)
    }

    /// Writes records in the format that the database names from now on. Advances that format as
    /// `caller` if every running server reads a newer one.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn follow_record_format(&self, caller: &Caller) -> Result<(), VaultError> {
        let mut current = self.root_store.record_format().await?;
        if current.format < RECORD_FORMAT && self.may_advance().await? {
            match self.advance_record_format(caller, current).await {
                Ok(()) => current = self.root_store.record_format().await?,
                Err(VaultError::Integrity(why)) => {
                    let conditions = &self.counters.conditions;
                    conditions.record(Condition::RootKeysRolledBack, why);
                }
                Err(error) => return Err(error),
            }
        }
        current.format = current.format.min(RECORD_FORMAT);
        self.chain.write_format(current);
        Ok(())
    }

    // Without a server, such as during an upgrade, an earlier version may start again, unless the
    // database is new.
    async fn may_advance(&self) -> Result<bool, VaultError> {
        let servers = self.running_servers().await?;
        let reads = |server: &RunningServer| server.record_format >= RECORD_FORMAT;
        Ok(match servers.is_empty() {
            true => !self.root_store.has_organizations().await?,
            false => servers.iter().all(reads),
        })
    }

    /// Deletes the report of a server that stops.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn forget_server(&self, server: &ServerReport) -> Result<(), VaultError> {
        let now = self.now();
        let kept = now - REPORT_RETENTION..now + CLOCK_TOLERANCE;
        Ok(self.root_store.forget_server(server.id, kept).await?)
    }
}
