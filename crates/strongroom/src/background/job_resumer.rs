use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::health::counters::RotationCounts;
use strongroom_domain::organization::Organization;
use strongroom_domain::rotation::{Progress, Rotation, RotationState};
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::rotations::{rewrap_everything, rotate};
use crate::callers::scheduled;
use crate::error::CommandError;

const INTERVAL: Duration = Duration::from_secs(5);
/// A running rotation without progress for this long is abandoned.
const ABANDONED_AFTER: TimeDelta = TimeDelta::seconds(15);
/// How long a rotation that failed is not resumed.
const RETRY_AFTER: Duration = Duration::from_secs(600);
/// How long after the destruction of an organization's keys its remaining rows are deleted.
const SWEPT_FOR: TimeDelta = TimeDelta::days(7);

/// Resumes abandoned rotations, and destroys deleted organizations at the end of their grace
/// period. Stops when dropped.
pub(crate) struct JobResumer {
    _task: AbortOnDropHandle<()>,
}

impl JobResumer {
    pub(crate) fn start(vault: Arc<Vault>) -> Self {
        let task = tokio::spawn(async move {
            let mut ticks = interval(INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut failed, mut failing) = (FailedRotations::default(), false);
            loop {
                ticks.tick().await;
                match resume(&vault, &mut failed).await {
                    Ok(()) => failing = false,
                    Err(_) if failing => {}
                    Err(error) => {
                        tracing::warn!(%error, "cannot look for abandoned jobs; trying again");
                        failing = true;
                    }
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

async fn resume(vault: &Vault, failed: &mut FailedRotations) -> Result<(), CommandError> {
    vault.show_results().await?;
    let now = SystemClock.now();
    resume_root_rotations(vault, now).await?;
    resume_rotations(vault, now, failed).await?;
    // Rotations may have taken long: the list and the time are read again.
    let now = SystemClock.now();
    for organization in vault.deleted_organizations().await? {
        if let Err(error) = destroy_if_due(vault, &organization, now).await {
            let org = organization.id;
            tracing::error!(%org, %error, "cannot destroy a deleted organization; trying again");
        }
    }
    Ok(())
}

async fn resume_root_rotations(vault: &Vault, now: DateTime<Utc>) -> Result<(), CommandError> {
    let rotations = vault.root_rotations().await?;
    let counts = &vault.counters().root_rotations;
    count(counts, rotations.iter().map(|rotation| rotation.progress));
    for rotation in rotations {
        let progress = rotation.progress;
        if !is_abandoned(&progress, now) || !vault.claim_root_rotation(&rotation).await? {
            continue;
        }
        tracing::info!(root_key = %rotation.root_key, "resuming an abandoned rotation");
        let observe = |rows| counts.advance(rows);
        let work = rewrap_everything(vault, progress.throttle, scheduled, &observe);
        if let Err(error) = work.await {
            tracing::error!(%error, "cannot finish an abandoned rotation of the root key");
        }
    }
    Ok(())
}

async fn resume_rotations(
    vault: &Vault,
    now: DateTime<Utc>,
    failed: &mut FailedRotations,
) -> Result<(), CommandError> {
    let deleted = vault.deleted_organizations().await?;
    let deleted: HashSet<OrgId> = deleted.iter().map(|organization| organization.id).collect();
    let mut rotations = vault.all_rotations().await?;
    rotations.retain(|rotation| !deleted.contains(&rotation.org_id));
    let counts = &vault.counters().rotations;
    count(counts, rotations.iter().map(|rotation| rotation.progress));
    for rotation in rotations {
        let job = (rotation.org_id, rotation.generation);
        if !is_abandoned(&rotation.progress, now) || failed.is_recent(job) {
            continue;
        }
        if let Err(error) = resume_rotation(vault, &rotation).await {
            let (org, generation) = job;
            tracing::error!(%org, generation, %error, "cannot finish an abandoned rotation");
            failed.add(job);
        }
    }
    Ok(())
}

fn is_abandoned(progress: &Progress, now: DateTime<Utc>) -> bool {
    progress.state == RotationState::Running && now - progress.updated_at > ABANDONED_AFTER
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

async fn resume_rotation(vault: &Vault, rotation: &Rotation) -> Result<(), CommandError> {
    let caller = scheduled(rotation.org_id);
    if !vault.claim_rotation(&caller, rotation).await? {
        return Ok(());
    }
    let (org, generation) = (rotation.org_id, rotation.generation);
    tracing::info!(%org, generation, "resuming an abandoned rotation");
    let counts = &vault.counters().rotations;
    rotate(vault, &caller, rotation, &|rows| counts.advance(rows)).await
}

// An organization whose keys are destroyed is due again: the process that destroyed them may have
// ended before it had deleted all rows.
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
    let caller = scheduled(organization.id);
    match vault.destroy_organization(&caller, false).await {
        Ok(()) if organization.destroyed_at.is_none() => {
            tracing::info!(org = %organization.id, "destroyed a deleted organization");
            Ok(())
        }
        // Another server destroyed it first, or it was restored.
        Ok(()) | Err(VaultError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Rotations that failed, by organization and generation.
#[derive(Default)]
struct FailedRotations(HashMap<(OrgId, i32), Instant>);

impl FailedRotations {
    fn is_recent(&self, job: (OrgId, i32)) -> bool {
        self.0
            .get(&job)
            .is_some_and(|at| at.elapsed() < RETRY_AFTER)
    }

    fn add(&mut self, job: (OrgId, i32)) {
        self.0.insert(job, Instant::now());
    }
}
