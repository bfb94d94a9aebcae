use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use strongroom_domain::health::counters::Counters;
use strongroom_domain::{Vault, VaultError};

use crate::error::ApiError;
use crate::guard::RequestSizes;
use crate::limits::{LimitSettings, Limits};
use crate::metrics::{Metrics, ProcessInfo};
use crate::middleware::AdoptTrace;

/// What every request handler shares. It exists before the vault does, so that a server can listen, and say
/// that it is not ready, while the database is away.
#[derive(Clone)]
pub struct AppState {
    vault: Arc<OnceLock<Arc<Vault>>>,
    pub(crate) settings: ApiSettings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Arc<Limits>,
    draining: Arc<AtomicBool>,
}

/// How requests are handled.
#[derive(Debug, Clone, Copy)]
pub struct ApiSettings {
    /// Longest time that each step of a request (key, role, operation) may wait for the database.
    pub request_timeout: Duration,
    /// Longest time for a request's body to arrive.
    pub body_timeout: Duration,
    /// How large a request may be.
    pub sizes: RequestSizes,
    /// Callers without an API key must name a loopback host in `Host`: a page in a browser that rebinds its
    /// name to this machine's address then gets nowhere.
    pub anonymous_needs_loopback_host: bool,
    /// Whether `/metrics` has a listener of its own, and is not there beside the API.
    pub metrics_apart: bool,
    /// Whether metrics count organizations by their ids.
    pub metrics_by_organization: bool,
    /// What the program tells of its process.
    pub process: ProcessInfo,
    /// Makes a request's span part of the trace that its sender has begun; none when nobody collects traces.
    pub adopt_trace: Option<AdoptTrace>,
}

impl AppState {
    /// A state without a vault, which shows what is counted on `counters`: everything but `/healthz` is answered 503
    /// until [`Self::open`].
    #[must_use]
    pub fn new(settings: ApiSettings, limits: LimitSettings, counters: Arc<Counters>) -> Self {
        let vault = Arc::new(OnceLock::new());
        let by_organization = settings.metrics_by_organization;
        let metrics = Metrics::new(vault.clone(), counters, by_organization, settings.process);
        Self {
            limits: Arc::new(Limits::new(limits, &metrics.limits)),
            metrics: Arc::new(metrics),
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

    /// Shows in the metrics when the TLS certificate expires, in seconds since 1970.
    pub fn show_tls_expiry(&self, not_after: i64) {
        self.metrics.limits.show_tls_expiry(not_after);
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
