//! What a server does beside answering requests: it keeps up with root keys, and takes up jobs that nobody
//! works on any more.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::UnlockError;
use strongroom_domain::caller::{Caller, RequestInfo};
use strongroom_domain::health::condition::Condition;
use strongroom_domain::health::counters::RotationCounts;
use strongroom_domain::organization::Organization;
use strongroom_domain::rotation::{Progress, Rotation, RotationState, ServerReport};
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultError};
use tokio::task::JoinHandle;

use crate::error::CommandError;
use crate::jobs;
use crate::settings::root_key::RootKeyConfig;

/// How often root keys are read again, and reported.
const ROOT_KEYS_EVERY: Duration = Duration::from_secs(2);
/// How often abandoned jobs are looked for.
const JOBS_EVERY: Duration = Duration::from_secs(5);
/// A job that nobody has worked on for so long is abandoned.
const ABANDONED: TimeDelta = TimeDelta::seconds(15);

/// How long a rotation that failed is left alone.
const REST: Duration = Duration::from_secs(600);
/// How long after its destruction rows of an organization are still looked for.
const SWEPT_FOR: TimeDelta = TimeDelta::days(7);

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
            loop {
                every.tick().await;
                if let Err(error) = keep_up(&own, &config, &report).await {
                    // The database's troubles are told where they show.
                    tracing::debug!(%error, "the database does not know which root keys are held");
                }
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
    let conditions = &vault.counters().conditions;
    let refreshed = match config.load() {
        Ok(sources) => vault.refresh_root_keys(&sources).await,
        Err(error) => {
            conditions.record(Condition::RootKeys, error);
            return Ok(vault.report_server(server.clone()).await?);
        }
    };
    match refreshed {
        Ok(()) => conditions.absent(Condition::RootKeys),
        Err(UnlockError::Store(error)) => return Err(error.into()),
        Err(error) => conditions.record(Condition::RootKeys, error),
    }
    Ok(vault.report_server(server.clone()).await?)
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    name.and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "unknown host".into())
}

/// Goes on with rotations that nobody works on any more, and destroys deleted organizations whose time is up.
pub(crate) struct JobKeeper(JoinHandle<()>);

impl JobKeeper {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        Self(tokio::spawn(async move {
            let mut every = tokio::time::interval(JOBS_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            let (mut failed, mut held_up) = (Failed::default(), false);
            loop {
                every.tick().await;
                match take_up(&vault, &mut failed).await {
                    Ok(()) => held_up = false,
                    Err(_) if held_up => {}
                    Err(error) => {
                        tracing::warn!(%error, "jobs cannot be taken up; trying again");
                        held_up = true;
                    }
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

async fn take_up(vault: &Vault, failed: &mut Failed) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let rotations = vault.root_rotations().await?;
    let counts = &vault.counters().root_rotations;
    count(counts, rotations.iter().map(|rotation| rotation.progress));
    for rotation in rotations {
        let progress = rotation.progress;
        let abandoned = now - progress.updated_at > ABANDONED;
        if progress.state == RotationState::Running
            && abandoned
            && vault.claim_root_rotation(&rotation).await?
        {
            tracing::info!(root_key = %rotation.root_key, "going on with an abandoned rotation");
            let observe = |rows| counts.advance(rows);
            let work = jobs::rewrap_everything(vault, progress.throttle, scheduled, &observe);
            if let Err(error) = work.await {
                tracing::error!(%error, "an abandoned rotation of the root key cannot be ended");
            }
        }
    }
    let gone = vault.deleted_organizations().await?;
    let gone: HashSet<OrgId> = gone.iter().map(|organization| organization.id).collect();
    let rotations = vault.all_rotations().await?;
    let going_on = rotations
        .iter()
        .filter(|rotation| !gone.contains(&rotation.org_id));
    let counts = &vault.counters().rotations;
    count(counts, going_on.map(|rotation| rotation.progress));
    for rotation in rotations {
        let deleted = gone.contains(&rotation.org_id);
        let progress = rotation.progress;
        let abandoned = now - progress.updated_at > ABANDONED;
        if progress.state == RotationState::Running && abandoned && !deleted {
            let job = (rotation.org_id, rotation.generation);
            if failed.is_resting(job) {
                continue;
            }
            if let Err(error) = go_on(vault, &rotation).await {
                let (org, generation) = job;
                tracing::error!(%org, generation, %error, "an abandoned rotation cannot be ended");
                failed.rest(job);
            }
        }
    }
    // Read again, and by another clock reading: the rotations may have taken their time.
    let now = SystemClock.now();
    for organization in vault.deleted_organizations().await? {
        if let Err(error) = destroy_if_due(vault, &organization, now).await {
            let org = organization.id;
            tracing::error!(%org, %error, "a deleted organization cannot be destroyed; trying again");
        }
    }
    Ok(())
}

fn count(counts: &RotationCounts, all: impl Iterator<Item = Progress>) {
    let running: Vec<Progress> = all
        .filter(|progress| progress.state == RotationState::Running)
        .collect();
    let sum = |rows: fn(&Progress) -> i64| {
        let rows = running.iter().map(rows);
        rows.map(|rows| u64::try_from(rows).unwrap_or(0)).sum()
    };
    counts.running.set(running.len() as u64);
    counts.rows_done.set(sum(|progress| progress.rows_done));
    counts.rows_left.set(sum(Progress::rows_left));
}

async fn go_on(vault: &Vault, rotation: &Rotation) -> Result<(), CommandError> {
    let caller = scheduled(rotation.org_id);
    if !vault.claim_rotation(&caller, rotation).await? {
        return Ok(());
    }
    let (org, generation) = (rotation.org_id, rotation.generation);
    tracing::info!(%org, generation, "going on with an abandoned rotation");
    let counts = &vault.counters().rotations;
    jobs::rotate(vault, &caller, rotation, &|rows| counts.advance(rows)).await
}

// Also one whose keys are destroyed already, since whoever did that may have died before its rows were gone.
async fn destroy_if_due(
    vault: &Vault,
    organization: &Organization,
    now: DateTime<Utc>,
) -> Result<(), VaultError> {
    let due = match (organization.destroyed_at, organization.destroy_after) {
        (Some(at), _) => now - at < SWEPT_FOR,
        (None, after) => after.is_some_and(|after| after <= now),
    };
    if !due {
        return Ok(());
    }
    match vault
        .destroy_organization(&scheduled(organization.id), false)
        .await
    {
        Ok(()) if organization.destroyed_at.is_none() => {
            tracing::info!(org = %organization.id, "a deleted organization was destroyed");
            Ok(())
        }
        // Another server was faster, or somebody restored it.
        Ok(()) | Err(VaultError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Rotations that failed lately, and are left alone for a while.
#[derive(Default)]
struct Failed(HashMap<(OrgId, i32), Instant>);

impl Failed {
    fn is_resting(&self, job: (OrgId, i32)) -> bool {
        self.0.get(&job).is_some_and(|at| at.elapsed() < REST)
    }

    fn rest(&mut self, job: (OrgId, i32)) {
        self.0.insert(job, Instant::now());
    }
}

/// Who does what nobody asked for just now.
pub(crate) fn scheduled(org: OrgId) -> Caller {
    let request = RequestInfo {
        id: uuid::Uuid::new_v4().to_string(),
        source: "schedule".into(),
    };
    Caller::operator(org, request)
}
