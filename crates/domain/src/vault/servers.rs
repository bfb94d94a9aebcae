//! Running servers: their reports, and the record format that all of them read.

use chrono::TimeDelta;
use strongroom_crypto::RootKeyId;

use crate::error::VaultError;
use crate::record_format::{RECORD_FORMAT, RecordFormat};
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

    /// Writes records in the format that the database names from now on. Advances that format if
    /// every running server reads a newer one.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn follow_record_format(&self) -> Result<(), VaultError> {
        let mut current = self.root_store.record_format().await?;
        if current.format < RECORD_FORMAT && self.every_server_reads(RECORD_FORMAT).await? {
            current = RecordFormat {
                format: RECORD_FORMAT,
                since: self.now(),
            };
            self.root_store.advance_record_format(current).await?;
            tracing::info!(
                format = RECORD_FORMAT,
                "servers write a newer record format"
            );
        }
        current.format = current.format.min(RECORD_FORMAT);
        self.chain.write_format(current);
        Ok(())
    }

    // Without a server, such as during an upgrade, an earlier version may start again.
    async fn every_server_reads(&self, format: i32) -> Result<bool, VaultError> {
        let servers = self.running_servers().await?;
        let reads = |server: &RunningServer| server.record_format >= format;
        Ok(!servers.is_empty() && servers.iter().all(reads))
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
