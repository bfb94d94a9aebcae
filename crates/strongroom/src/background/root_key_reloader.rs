use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use strongroom_domain::health::condition::Condition;
use strongroom_domain::record_format::RECORD_FORMAT;
use strongroom_domain::rotation::ServerReport;
use strongroom_domain::{Clock, OrgId, SystemClock, UnlockError, Vault};
use tokio_util::task::AbortOnDropHandle;

use crate::callers::scheduled;
use crate::error::CommandError;
use crate::hangup::Hangup;
use crate::settings::root_key::RootKeyConfig;

const INTERVAL: Duration = Duration::from_secs(2);
/// Longest time for the report that the server stops; the database may be unreachable.
const LAST_REPORT_TIMEOUT: Duration = Duration::from_millis(500);

/// Reloads the configured root keys, and reports to the database which ones this server holds.
/// Stops when dropped.
pub(crate) struct RootKeyReloader {
    vault: Arc<Vault>,
    server: ServerReport,
    task: AbortOnDropHandle<()>,
}

impl RootKeyReloader {
    /// Reloads now and every two seconds; the reports name this server by host, process id and
    /// `address`.
    pub(crate) fn start(vault: Arc<Vault>, config: RootKeyConfig, address: SocketAddr) -> Self {
        let (host, process) = (host_name(), std::process::id());
        let server = ServerReport {
            id: uuid::Uuid::new_v4(),
            name: format!("{host} (process {process}, {address})"),
            started_at: SystemClock.now(),
            root_keys: Vec::new(),
            record_format: RECORD_FORMAT,
        };
        let (own, report) = (vault.clone(), server.clone());
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            let mut hangup = Hangup::new();
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = hangup.received() => {}
                }
                if let Err(error) = reload(&own, &config, &report).await {
                    // An unreachable database is logged at a higher level elsewhere.
                    tracing::debug!(%error, "cannot report which root keys are held");
                }
            }
        });
        Self {
            vault,
            server,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Stops, and removes this server's report from the database if it is reachable.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let forget = self.vault.forget_server(&self.server);
        let _ = tokio::time::timeout(LAST_REPORT_TIMEOUT, forget).await;
    }
}

async fn reload(
    vault: &Vault,
    config: &RootKeyConfig,
    server: &ServerReport,
) -> Result<(), CommandError> {
    let conditions = &vault.counters().conditions;
    let refreshed = match config.load() {
        Ok(sources) => vault.refresh_root_keys(&sources).await,
        Err(error) => {
            conditions.record(Condition::RootKeys, error);
            return report(vault, server).await;
        }
    };
    match refreshed {
        Ok(()) => conditions.absent(Condition::RootKeys),
        Err(UnlockError::Store(error)) => return Err(error.into()),
        Err(error) => conditions.record(Condition::RootKeys, error),
    }
    report(vault, server).await
}

async fn report(vault: &Vault, server: &ServerReport) -> Result<(), CommandError> {
    vault.report_server(server.clone()).await?;
    let caller = scheduled(OrgId::INSTALLATION);
    vault.follow_record_format(&caller).await?;
    Ok(vault.confirm_root_keys().await?)
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "unknown host".into())
}
