//! Running servers: their root keys, rotations and the integrity scrub.

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::keyring::stored::StoredRootKey;
use strongroom_domain::ports::error::StoreError;
use strongroom_domain::ports::keys::RootKeyStore;
use strongroom_domain::rotation::{
    CLOCK_TOLERANCE, Progress, RootKeyState, RotationState, RunningServer,
};
use strongroom_storage::doctor::Inspection;
use strongroom_storage::{ConnectError, Database, doctor};

use super::finding::{Finding, attempt, or_ok, unchecked};

const SERVERS: &str = "servers";
const ROTATIONS: &str = "rotations";
/// A server without a report for this long is not running; servers report every two seconds.
const RUNNING: TimeDelta = TimeDelta::seconds(30);
/// Servers resume abandoned rotations after 15 seconds, and failed ones after 10 minutes.
const STUCK: TimeDelta = TimeDelta::minutes(15);

/// The number of running servers, and whether each holds the active root key.
pub(super) async fn running(database: &Database, now: DateTime<Utc>) -> (usize, Vec<Finding>) {
    let read = async {
        let seen = now - RUNNING..now + CLOCK_TOLERANCE;
        let servers = database.servers(seen).await?;
        Ok::<_, StoreError>((servers, database.root_keys().await?))
    };
    match read.await {
        Ok((servers, keys)) => (servers.len(), holding(&servers, &keys)),
        Err(error) => (0, vec![unchecked(SERVERS, &error.to_string())]),
    }
}

fn holding(servers: &[RunningServer], keys: &[StoredRootKey]) -> Vec<Finding> {
    if servers.is_empty() {
        let found = "no server has reported within 30 seconds: none is running on this database";
        return vec![Finding::note(SERVERS, found)];
    }
    let wanted = [RootKeyState::Active, RootKeyState::Prepared];
    let mut findings = Vec::new();
    for key in keys.iter().filter(|key| wanted.contains(&key.state)) {
        let lacking = servers
            .iter()
            .filter(|one| !one.root_keys.contains(&key.id));
        findings.extend(lacking.map(|one| {
            Finding::warning(
                SERVERS,
                format!(
                    "{} does not hold root key {} ({})",
                    one.name,
                    key.id,
                    key.state.as_str()
                ),
                "add that key to its root_key_file, which it reloads every 2 seconds",
            )
            .about(&one.name)
        }));
    }
    let names: Vec<_> = servers.iter().map(|one| one.name.as_str()).collect();
    let ok = format!(
        "{} running, with the active root key: {}",
        servers.len(),
        names.join("; ")
    );
    or_ok(findings, SERVERS, ok)
}

/// Whether every running rotation makes progress.
pub(super) async fn rotations(database: &Database, now: DateTime<Utc>) -> Vec<Finding> {
    let root = database.root_rotations().await;
    let root = root.map_err(|error| ConnectError::Failed(error.to_string()));
    let root = attempt(ROTATIONS, root, |rotations| {
        let each = rotations.iter().map(|one| {
            let what = format!("root key {}", one.root_key);
            of_rotation(&what, "strongroom rotate root", &one.progress, now)
        });
        each.flatten().collect()
    });
    let organizations = attempt(ROTATIONS, doctor::rotations(database).await, |all| {
        let each = all.iter().map(|one| {
            let what = format!("organization {}", one.org_id);
            let command = format!("strongroom rotate org --org {}", one.org_id);
            of_rotation(&what, &command, &one.progress, now)
        });
        each.flatten().collect()
    });
    let findings = root.into_iter().chain(organizations).collect();
    or_ok(findings, ROTATIONS, "none is running")
}

fn of_rotation(
    what: &str,
    command: &str,
    progress: &Progress,
    now: DateTime<Utc>,
) -> Option<Finding> {
    if progress.state != RotationState::Running {
        return None;
    }
    let (done, total) = (progress.rows_done, progress.rows_total);
    let idle = now - progress.updated_at;
    if idle < STUCK {
        let found = format!("the rotation of {what} is running: {done} of {total} rows");
        return Some(Finding::note(ROTATIONS, found).about(what));
    }
    let finding = Finding::warning(
        ROTATIONS,
        format!(
            "the rotation of {what} has made no progress for {} minutes, at {done} of {total} rows",
            idle.num_minutes()
        ),
        format!(
            "run `{command}` again: it resumes the rotation, and shows what blocks it. Running \
             servers try to resume it as well; see their logs"
        ),
    );
    Some(finding.about(what))
}

/// Whether a server verifies all credentials in the background. Its findings are only in the
/// servers' metrics and logs.
pub(super) async fn scrub(inspection: &Inspection, servers: usize) -> Vec<Finding> {
    let check = "scrub";
    attempt(check, doctor::scrub_runs(inspection).await, |runs| {
        vec![if runs {
            let found = "a server verifies all credentials in the background; the time of its last \
                         complete run is strongroom_scrub_last_run_timestamp_seconds at /metrics";
            Finding::ok(check, found)
        } else if servers == 0 {
            Finding::note(
                check,
                "no server is running, so no credentials are verified in the background; use \
                 `strongroom verify`",
            )
        } else {
            let found = "no server verifies credentials in the background: servers begin a minute \
                         after their start unless scrub_interval is off; if it is, run \
                         `strongroom verify` daily";
            Finding::note(check, found)
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn a_rotation_without_progress_is_a_warning() {
        let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(1);
        let level = |state, minutes: i64| {
            let updated_at = now - TimeDelta::minutes(minutes);
            let progress = Progress {
                state,
                rows_total: 5,
                rows_done: 2,
                throttle: None,
                started_at: updated_at,
                updated_at,
                finished_at: None,
            };
            of_rotation("x", "y", &progress, now).map(|finding| finding.level)
        };
        assert_eq!(level(RotationState::Done, 99), None);
        assert_eq!(level(RotationState::Running, 1), Some(Level::Note));
        assert_eq!(level(RotationState::Running, 16), Some(Level::Warning));
    }
}
