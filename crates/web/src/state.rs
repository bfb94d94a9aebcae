//! The state that all requests share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use futures_util::FutureExt;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::{Vault, VaultError};

use crate::metrics::Metrics;
use crate::rate_limit::RateLimits;
use crate::settings::{LimitSettings, WebSettings};
use crate::surface::Surfaces;

/// The state that all requests share. It exists before the vault does: a server listens, and
/// reports that it is not ready, while the database is unreachable.
#[derive(Clone)]
pub struct AppState {
    vault: Arc<OnceLock<Arc<Vault>>>,
    /// How requests are handled.
    pub settings: WebSettings,
    /// The metrics of this process.
    pub metrics: Arc<Metrics>,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) surfaces: Arc<Surfaces>,
    draining: Arc<AtomicBool>,
}

impl AppState {
    /// A state without a vault, whose metrics include `counters`. Until [`Self::open`], requests
    /// that need the vault are answered 503.
    #[must_use]
    pub fn new(
        surfaces: Surfaces,
        settings: WebSettings,
        limits: LimitSettings,
        counters: Arc<Counters>,
    ) -> Self {
        let vault = Arc::new(OnceLock::new());
        let operations = surfaces.operations();
        let metrics = Metrics::new(vault.clone(), counters, &operations, &settings);
        Self {
            limits: Arc::new(RateLimits::new(limits, &metrics.limits)),
            metrics: Arc::new(metrics),
            surfaces: Arc::new(surfaces),
            vault,
            settings,
            draining: Arc::default(),
        }
    }

    /// The state of the server that received `request`.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if there is none, which is a defect.
    pub fn of(request: &HttpRequest) -> Result<Data<Self>, VaultError> {
        let state = request.app_data::<Data<Self>>().cloned();
        state.ok_or_else(|| VaultError::Internal("the server has no state".into()))
    }

    /// Makes `vault` available to requests.
    pub fn open(&self, vault: Arc<Vault>) {
        let _ = self.vault.set(vault);
    }

    /// Makes `/readyz` answer 503 and every response close its connection, while requests are still
    /// served. A load balancer then sends new requests elsewhere before this server stops.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::drain`] was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The vault, once it is open.
    #[must_use]
    pub fn opened(&self) -> Option<Arc<Vault>> {
        self.vault.get().cloned()
    }

    /// The vault.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] before [`Self::open`].
    pub fn vault(&self) -> Result<&Arc<Vault>, VaultError> {
        let vault = self.vault.get();
        vault.ok_or_else(|| VaultError::Unavailable("the database was not reached yet".into()))
    }

    /// Shows the expiry of the TLS certificate, in seconds since 1970, in the metrics
    /// and in the state of the system.
    pub fn show_tls_expiry(&self, not_after: i64) {
        self.metrics.show_tls_expiry(not_after);
    }

    /// Runs a vault operation that changes nothing, for at most the request timeout.
    ///
    /// # Errors
    /// Those of the operation, or [`VaultError::Unavailable`] after the timeout.
    pub fn with_deadline<T>(
        &self,
        operation: impl Future<Output = Result<T, VaultError>>,
    ) -> impl Future<Output = Result<T, VaultError>> {
        let timed_out = || Err(VaultError::Unavailable(TIMED_OUT.into()));
        within(self.settings.request_timeout, operation, timed_out)
    }

    /// Runs a vault operation that changes something, for at most the request timeout.
    ///
    /// # Errors
    /// Those of the operation, or [`VaultError::OutcomeUnknown`] after the timeout.
    pub fn write_with_deadline<T>(
        &self,
        operation: impl Future<Output = Result<T, VaultError>>,
    ) -> impl Future<Output = Result<T, VaultError>> {
        write_within(self.settings.request_timeout, operation)
    }
}

/// Runs an operation that writes for at most `limit`.
///
/// # Errors
/// Those of the operation, or [`VaultError::OutcomeUnknown`] after the timeout.
pub fn write_within<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, VaultError>>,
) -> impl Future<Output = Result<T, VaultError>> {
    let timed_out = || Err(VaultError::OutcomeUnknown(TIMED_OUT.into()));
    within(limit, operation, timed_out)
}

// An `async fn` would hold the operation, which has some kilobytes, twice: as an argument and while
// it runs.
fn within<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, VaultError>>,
    timed_out: impl FnOnce() -> Result<T, VaultError>,
) -> impl Future<Output = Result<T, VaultError>> {
    let timed = tokio::time::timeout(limit, operation);
    timed.map(|ended| ended.unwrap_or_else(|_| timed_out()))
}

const TIMED_OUT: &str = "the request timed out";
