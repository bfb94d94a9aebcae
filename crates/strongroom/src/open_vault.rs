//! Opens the vault, for a command or for a server.

use std::sync::Arc;

use strongroom_domain::audit::chain::Chain;
use strongroom_domain::crypto::OsRandom;
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultSettings, unlock};
use strongroom_storage::{
    Database, PgStore, RegionsSettings, WatchedRegions, ensure_audit_partitions, pending_migrations,
};

use crate::callers::operator_of;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::settings::args::VaultArgs;
use crate::settings::root_key::RootKeyConfig;

/// Opens the vault for one command, with the settings that `args` names.
pub(crate) async fn for_command(args: &VaultArgs) -> Result<Vault, CommandError> {
    with_access(&VaultAccess::read(args)?).await
}

/// Opens the vault for one command: checks the schema and the root key, then starts the store.
pub(crate) async fn with_access(access: &VaultAccess) -> Result<Vault, CommandError> {
    let database = Database::new(&access.database)?;
    require_migrated(&database).await?;
    let regions = WatchedRegions::start(RegionsSettings::default(), &database, &access.database)?;
    let settings = VaultSettings::default();
    on_database(database, Arc::new(regions), &access.root_keys, settings).await
}

/// Opens the vault on a database whose schema is up to date.
pub(crate) async fn on_database(
    database: Database,
    regions: Arc<WatchedRegions>,
    root_keys: &RootKeyConfig,
    settings: VaultSettings,
) -> Result<Vault, CommandError> {
    create_audit_partitions(&database).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Arc::new(OsRandom);
    let keys = unlock(&database, &root_keys.load()?, clock.now(), &*random).await?;
    let chain = Chain::new(keys.1.audit.clone());
    let root_store = Arc::new(database.clone());
    let replica = regions.replica();
    let counters = database.counters();
    let store = PgStore::start(
        database,
        replica,
        chain.clone(),
        clock.clone(),
        random.clone(),
    )
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
    let vault = vault.with_chain(chain).with_counters(counters);
    vault.require_root_keys().await?;
    vault
        .follow_record_format(&operator_of(OrgId::INSTALLATION))
        .await?;
    vault.confirm_root_keys().await?;
    Ok(vault)
}

/// Creates audit partitions before the first event: after a long pause, the partition of the
/// current month may be missing.
pub(crate) async fn create_audit_partitions(database: &Database) {
    if let Err(error) = ensure_audit_partitions(database).await {
        tracing::warn!(%error, "cannot create audit partitions in advance");
    }
}

/// Fails when the database lacks migrations.
pub(crate) async fn require_migrated(database: &Database) -> Result<(), CommandError> {
    match pending_migrations(database).await? {
        0 => Ok(()),
        pending => Err(CommandError::Failed(missing_migrations(pending))),
    }
}

/// The message about a database that lacks `pending` migrations.
pub(crate) fn missing_migrations(pending: usize) -> String {
    format!("the database lacks {pending} migration(s); run `strongroom migrate`")
}
