use std::sync::{Arc, OnceLock};
use std::time::Duration;

use strongroom_domain::{Vault, VaultError};

use crate::error::ApiError;

/// What every request handler shares. It exists before the vault does, so that a server can listen, and say
/// that it is not ready, while the database is away.
#[derive(Clone)]
pub struct AppState {
    vault: Arc<OnceLock<Arc<Vault>>>,
    pub(crate) request_timeout: Duration,
    pub(crate) body_timeout: Duration,
}

impl AppState {
    /// A state without a vault: everything but `/healthz` is answered 503 until [`Self::open`].
    #[must_use]
    pub fn new(request_timeout: Duration, body_timeout: Duration) -> Self {
        Self {
            vault: Arc::new(OnceLock::new()),
            request_timeout,
            body_timeout,
        }
    }

    /// From now on requests reach `vault`.
    pub fn open(&self, vault: Arc<Vault>) {
        let _ = self.vault.set(vault);
    }

    pub(crate) fn vault(&self) -> Result<&Arc<Vault>, ApiError> {
        self.vault.get().ok_or_else(|| {
            ApiError::from(VaultError::Unavailable(
                "the database was not reached yet".into(),
            ))
        })
    }

    /// Runs a vault operation within the request's time limit.
    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = Result<T, VaultError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.request_timeout, operation).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(VaultError::OutcomeUnknown("the request's time is up".into()).into()),
        }
    }
}
