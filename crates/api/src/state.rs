use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use strongroom_domain::{Vault, VaultError};

use crate::error::ApiError;
use crate::metrics::Metrics;

/// What every request handler shares. It exists before the vault does, so that a server can listen, and say
/// that it is not ready, while the database is away.
#[derive(Clone)]
pub struct AppState {
    vault: Arc<OnceLock<Arc<Vault>>>,
    pub(crate) settings: ApiSettings,
    pub(crate) metrics: Arc<Metrics>,
    draining: Arc<AtomicBool>,
}

/// How requests are handled.
#[derive(Debug, Clone, Copy)]
pub struct ApiSettings {
    /// Longest time that each step of a request (key, role, operation) may wait for the database.
    pub request_timeout: Duration,
    /// Longest time for a request's body to arrive.
    pub body_timeout: Duration,
    /// Callers without an API key must name a loopback host in `Host`: a page in a browser that rebinds its
    /// name to this machine's address then gets nowhere.
    pub anonymous_needs_loopback_host: bool,
}

impl AppState {
    /// A state without a vault: everything but `/healthz` is answered 503 until [`Self::open`].
    #[must_use]
    pub fn new(settings: ApiSettings) -> Self {
        let vault = Arc::new(OnceLock::new());
        Self {
            metrics: Arc::new(Metrics::new(vault.clone())),
            vault,
            settings,
            draining: Arc::default(),
        }
    }

    /// From now on requests reach `vault`.
    pub fn open(&self, vault: Arc<Vault>) {
        let _ = self.vault.set(vault);
    }

    /// From now on `/readyz` is 503 and every answer ends its connection, while requests are still served: whoever
    /// balances load sends the next ones elsewhere before this server stops.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The vault, once it is open.
    #[must_use]
    pub fn opened(&self) -> Option<Arc<Vault>> {
        self.vault.get().cloned()
    }

    pub(crate) fn vault(&self) -> Result<&Arc<Vault>, ApiError> {
        self.vault.get().ok_or_else(|| {
            ApiError::from(VaultError::Unavailable(
                "the database was not reached yet".into(),
            ))
        })
    }

    /// Runs a vault operation that changes nothing within the time limit.
    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.settings.request_timeout, operation).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(VaultError::Unavailable("the request's time is up".into()).into()),
        }
    }

    /// Runs a vault operation that changes something within the time limit.
    pub(crate) async fn within_write<T>(
        &self,
        operation: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.settings.request_timeout, operation).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(VaultError::OutcomeUnknown("the request's time is up".into()).into()),
        }
    }
}
