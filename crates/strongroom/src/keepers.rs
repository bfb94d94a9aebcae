//! What a server does beside answering requests: it keeps up with root keys, and takes up jobs that nobody
//! works on any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::rotation::{RotationState, ServerReport};
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultError};
use tokio::task::JoinHandle;

use crate::config::RootKeyConfig;
use crate::error::CommandError;
use crate::jobs;

/// How often root keys are read again, and reported.
const ROOT_KEYS_EVERY: Duration = Duration::from_secs(2);
/// How often abandoned jobs are looked for.
const JOBS_EVERY: Duration = Duration::from_secs(5);
/// A job that nobody has worked on for so long is abandoned.
const ABANDONED: TimeDelta = TimeDelta::seconds(15);

/// Reads the configured root keys again and again, and tells the database which ones this server holds.
pub(crate) struct RootKeyKeeper {
    vault: Arc<Vault>,
    server: ServerReport,
    task: JoinHandle<()>,
}

impl RootKeyKeeper {
    pub(crate) fn start(vault: Arc<Vault>, config: RootKeyConfig, address: SocketAddr) -> Self {
        let server = ServerReport {
            id: uuid::Uuid::new_v4(),
            name: format!(
                "{} (process {}, {address})",
                host_name(),
                std::process::id()
            ),
            started_at: SystemClock.now(),
            root_keys: Vec::new(),
        };
        let (own, report) = (vault.clone(), server.clone());
        let task = tokio::spawn(async move {
            let mut every = tokio::time::interval(ROOT_KEYS_EVERY);
            let mut last = String::new();
            loop {
                every.tick().await;
                let problem = match keep_up(&own, &config, &report).await {
                    Ok(()) => String::new(),
                    Err(error) => error.to_string(),
                };
                if problem != last && !problem.is_empty() {
                    tracing::warn!(cause = problem, "root keys cannot be kept up to date");
                }
                last = problem;
            }
        });
        Self {
            vault,
            server,
            task,
        }
    }

    /// Stops, and says so to the database if it is there.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let forget = self.vault.forget_server(&self.server);
        // The database may be away, and a server that stops has no time to wait for it.
        let _ = tokio::time::timeout(Duration::from_millis(500), forget).await;
    }
}

impl Drop for RootKeyKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_up(
    vault: &Vault,
    config: &RootKeyConfig,
    server: &ServerReport,
) -> Result<(), CommandError> {
    vault.refresh_root_keys(&config.load()?).await?;
    vault.report_server(server.clone()).await?;
    Ok(())
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "unknown host".into())
}

/// Goes on with rotations that nobody works on any more, and destroys deleted organisations whose time is up.
pub(crate) struct JobKeeper(JoinHandle<()>);

impl JobKeeper {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        Self(tokio::spawn(async move {
            let mut every = tokio::time::interval(JOBS_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                if let Err(error) = take_up(&vault).await {
                    tracing::warn!(%error, "a job could not be taken up; trying again");
                }
            }
        }))
    }
}

impl Drop for JobKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn take_up(vault: &Vault) -> Result<(), CommandError> {
    let now = SystemClock.now();
    for rotation in vault.root_rotations().await? {
        let progress = rotation.progress;
        let abandoned = now - progress.updated_at > ABANDONED;
        if progress.state == RotationState::Running
            && abandoned
            && vault.claim_root_rotation(&rotation).await?
        {
            tracing::info!(root_key = %rotation.root_key, "going on with an abandoned rotation");
            jobs::rewrap_everything(vault, progress.throttle, scheduled, &|_| {}).await?;
        }
    }
    for rotation in vault.all_rotations().await? {
        let caller = scheduled(rotation.org_id);
        let progress = rotation.progress;
        let abandoned = now - progress.updated_at > ABANDONED;
        if progress.state == RotationState::Running
            && abandoned
            && vault.claim_rotation(&caller, &rotation).await?
        {
            let (org, generation) = (rotation.org_id, rotation.generation);
            tracing::info!(%org, generation, "going on with an abandoned rotation");
            jobs::rotate(vault, &caller, &rotation, &|_| {}).await?;
        }
    }
    for organization in vault.organizations().await? {
        let due = organization.destroy_after.is_some_and(|after| after <= now);
        if due && organization.destroyed_at.is_none() {
            let org = organization.id;
            match vault.destroy_organization(&scheduled(org)).await {
                Ok(()) => tracing::info!(%org, "a deleted organisation was destroyed"),
                // Another server was faster, or somebody restored it.
                Err(VaultError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn scheduled(org: OrgId) -> Caller {
    let request = RequestInfo {
        id: uuid::Uuid::new_v4().to_string(),
        source: "schedule".into(),
    };
    Caller::operator(org, request)
}
