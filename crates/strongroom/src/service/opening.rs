use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::health::counters::Counters;
use strongroom_domain::ports::egress::Egress;
use strongroom_domain::{UnlockError, Vault, VaultSettings};
use strongroom_storage::{
    ConnectError, Database, RegionsSettings, WatchedRegions, check_pooling, check_serving_role,
    pending_migrations,
};
use strongroom_web::state::AppState;

use crate::background::settings::BackgroundSettings;
use crate::background::url_reloader::UrlReloader;
use crate::background::workers::Workers;
use crate::cli::VERSION;
use crate::error::CommandError;
use crate::open_vault;
use crate::settings::access::VaultAccess;

/// Pause between two attempts to open the vault.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// After this many attempts an unchanged cause is logged again.
const LOG_EVERY: u32 = 60;

/// What is needed to open a server's vault.
pub(super) struct Opening {
    pub(super) access: VaultAccess,
    pub(super) regions: RegionsSettings,
    pub(super) vault: VaultSettings,
    pub(super) background: BackgroundSettings,
    pub(super) counters: Arc<Counters>,
    /// The address that the server listens on.
    pub(super) address: SocketAddr,
    /// Requests to other hosts, if relays are served.
    pub(super) egress: Option<Arc<dyn Egress>>,
}

enum OpenError {
    /// May disappear by itself, or when the operator has finished the setup.
    Transient(String),
    /// Remains until the configuration is changed.
    Permanent(CommandError),
}

impl Opening {
    /// Tries to open the vault until that succeeds; then starts the workers, and `state` serves.
    ///
    /// # Errors
    /// When the vault cannot be opened with this configuration.
    pub(super) async fn run(self, state: AppState) -> Result<Workers, CommandError> {
        let url = &self.access.database.url;
        if url.is_exposed() {
            tracing::warn!(
                database = url.redacted(),
                "the database connection can be read or impersonated on the network; \
                 use sslmode=verify-full"
            );
        }
        let settings = &self.access.database;
        let database = Database::counted(settings, self.counters.clone())?;
        let url = UrlReloader::start(database.clone(), self.access.url_file.clone());
        let regions = WatchedRegions::start(self.regions.clone(), &database, settings)?;
        let vault = self
            .open_when_possible(&database, &Arc::new(regions))
            .await?;
        let vault = Arc::new(vault);
        let (root_keys, background) = (self.access.root_keys, self.background);
        let workers = Workers::start(&vault, database, root_keys, background, self.address, url);
        state.open(vault);
        tracing::info!("ready");
        Ok(workers)
    }

    async fn open_when_possible(
        &self,
        database: &Database,
        regions: &Arc<WatchedRegions>,
    ) -> Result<Vault, CommandError> {
        let (mut last, mut attempts) = (String::new(), 0);
        loop {
            let cause = match self.open(database, regions).await {
                Ok(vault) => return Ok(vault),
                Err(OpenError::Permanent(error)) => return Err(error),
                Err(OpenError::Transient(cause)) => cause,
            };
            if cause != last || attempts % LOG_EVERY == 0 {
                tracing::warn!(cause, "not ready; trying again");
            }
            last = cause;
            attempts += 1;
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn open(
        &self,
        database: &Database,
        regions: &Arc<WatchedRegions>,
    ) -> Result<Vault, OpenError> {
        check_pooling(database).await.map_err(open_error)?;
        let pending = pending_migrations(database).await.map_err(open_error)?;
        check_serving_role(database).await.map_err(open_error)?;
        if pending > 0 {
            return Err(OpenError::Transient(open_vault::missing_migrations(
                pending,
            )));
        }
        let (database, regions) = (database.clone(), regions.clone());
        let root_keys = &self.access.root_keys;
        let settings = VaultSettings {
            version: VERSION,
            ..self.vault
        };
        match open_vault::on_database(database, regions, root_keys, settings).await {
            Ok(vault) => Ok(vault.with_egress(self.egress.clone())),
            Err(CommandError::Unlock(UnlockError::Store(error))) => {
                Err(OpenError::Transient(error.to_string()))
            }
            Err(error) => Err(OpenError::Permanent(error)),
        }
    }
}

// A refused connection is transient: the role or the database may be created later.
fn open_error(error: ConnectError) -> OpenError {
    match error {
        ConnectError::Role(_) | ConnectError::Tls(_) => OpenError::Permanent(error.into()),
        ConnectError::Unreachable(_)
        | ConnectError::Refused(_)
        | ConnectError::Schema(_)
        | ConnectError::Failed(_) => OpenError::Transient(error.to_string()),
    }
}
