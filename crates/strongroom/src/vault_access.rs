use std::sync::Arc;

use strongroom_domain::audit::chain::Chain;
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::crypto::OsRandom;
use strongroom_domain::unlock;
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultSettings};
use strongroom_storage::{
    Database, PgStore, RegionsSettings, WatchedRegions, ensure_audit_partitions, pending_migrations,
};

use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::settings::root_key::RootKeyConfig;

/// Opens the vault for one command: checks the schema and the root key, then starts the workers.
pub(crate) async fn open(access: &VaultAccess) -> Result<Vault, CommandError> {
    let database = Database::new(&access.database)?;
    let pending = pending_migrations(&database).await?;
    if pending > 0 {
        return Err(CommandError::Failed(missing_migrations(pending)));
    }
    let regions = WatchedRegions::start(RegionsSettings::default(), &database, &access.database)?;
    let settings = VaultSettings::default();
    open_on(database, Arc::new(regions), &access.root_keys, settings).await
}

/// Unlocks the vault on a database that is known to be ready.
pub(crate) async fn open_on(
    database: Database,
    regions: Arc<WatchedRegions>,
    root_keys: &RootKeyConfig,
    settings: VaultSettings,
) -> Result<Vault, CommandError> {
    // Before the first event, which would else find no partition after a long pause.
    if let Err(error) = ensure_audit_partitions(&database).await {
        tracing::warn!(%error, "audit partitions could not be made ahead of time");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(OsRandom);
    let keys = unlock(&database, &root_keys.load()?, clock.now(), &*random).await?;
    let chain = Chain::new(keys.1.audit.clone());
    let root_store = Arc::new(database.clone());
    let replica = regions.replica();
    let counters = database.counters();
    let store = PgStore::start(database, replica, chain, clock.clone(), random.clone())
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let vault = Vault::new(
        Arc::new(store),
        root_store,
        regions,
        keys,
        clock,
        random,
        settings,
    );
    Ok(vault.with_counters(counters))
}

/// What to say about a database that is behind.
pub(crate) fn missing_migrations(pending: usize) -> String {
    format!("the database lacks {pending} migration(s); run `strongroom migrate`")
}

/// The operator, as a caller within `org`.
pub(crate) fn operator(org: &str) -> Result<Caller, CommandError> {
    let org = OrgId::parse(org).ok_or_else(|| {
        CommandError::Failed(
            "--org must be an organization's id, as `strongroom org list` shows it".into(),
        )
    })?;
    Ok(Caller::operator(org, command_line()))
}

/// Where the operator's requests come from.
pub(crate) fn command_line() -> RequestInfo {
    RequestInfo {
        id: uuid::Uuid::new_v4().to_string(),
        source: "command-line".into(),
    }
}
