use std::net::SocketAddr;
use std::sync::Arc;

use strongroom_domain::Vault;
use strongroom_storage::{Database, PartitionMaintainer, RevocationListener};

use super::api_key_confirmer::ApiKeyConfirmer;
use super::job_resumer::JobResumer;
use super::last_used::LastUsedFlusher;
use super::lifecycle::LifecycleCounter;
use super::operation_pruner::OperationPruner;
use super::root_key_reloader::RootKeyReloader;
use super::settings::BackgroundSettings;
use super::shared_work::SharedWork;
use super::upstream_forgetter::UpstreamForgetter;
use super::url_reloader::UrlReloader;
use crate::settings::root_key::RootKeyConfig;

/// All workers of a server with an open vault. They stop when dropped.
pub(crate) struct Workers {
    _revocations: RevocationListener,
    _api_keys: ApiKeyConfirmer,
    _partitions: PartitionMaintainer,
    root_keys: RootKeyReloader,
    _jobs: JobResumer,
    last_used: LastUsedFlusher,
    _operations: OperationPruner,
    _lifecycle: LifecycleCounter,
    _shared: SharedWork,
    _upstreams: UpstreamForgetter,
    _url: UrlReloader,
}

impl Workers {
    /// Starts all of them beside `url`, which was started before the vault could be opened;
    /// `address` is where the server listens.
    pub(crate) fn start(
        vault: &Arc<Vault>,
        database: Database,
        root_keys: RootKeyConfig,
        settings: BackgroundSettings,
        address: SocketAddr,
        url: UrlReloader,
    ) -> Self {
        let own = vault.clone();
        let on_revocation = Arc::new(move || own.forget_keys());
        Self {
            _revocations: RevocationListener::start(database.clone(), on_revocation),
            _api_keys: ApiKeyConfirmer::start(vault.clone()),
            _partitions: PartitionMaintainer::start(database.clone()),
            root_keys: RootKeyReloader::start(vault.clone(), root_keys, address),
            _jobs: JobResumer::start(vault.clone()),
            last_used: LastUsedFlusher::start(vault.clone(), settings.last_used_flush_interval),
            _operations: OperationPruner::start(vault.clone()),
            _lifecycle: LifecycleCounter::start(vault.clone(), settings.purge_interval),
            _shared: SharedWork::start(vault.clone(), database, settings),
            _upstreams: UpstreamForgetter::start(vault.clone()),
            _url: url,
        }
    }

    /// Stops all of them, and waits for those that have something to finish.
    pub(crate) async fn stop(self) {
        self.root_keys.stop().await;
        self.last_used.stop().await;
    }
}
