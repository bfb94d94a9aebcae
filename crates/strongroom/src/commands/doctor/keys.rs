//! Root keys, what servers hold of them, and rotations.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::keyring::RootKeySources;
use strongroom_domain::rotation::{Progress, RootKeyState, RotationState, RunningServer};
use strongroom_domain::store::{RootKeyStore, StoreError, StoredRootKey};
use strongroom_storage::doctor::{self, Inspection};
use strongroom_storage::{ConnectError, Database};

use super::finding::{Finding, or_ok};
use crate::commands::key_check::{Compared, MISSING, WRONG, compare};
use crate::config::{RootKeyConfig, RootKeySource};

const PLACES: &str = "root_key_source";
const KEYS: &str = "root_keys";
const SERVERS: &str = "servers";
const ROTATIONS: &str = "rotations";
/// A server reports every two seconds.
const RUNNING: TimeDelta = TimeDelta::seconds(30);
/// Servers take up what nobody works on after 15 seconds, and what failed after 10 minutes.
const STUCK: TimeDelta = TimeDelta::minutes(15);

/// The places that root keys are configured to come from: whether each can be read, and by nobody else.
pub(super) fn places(config: Option<&RootKeyConfig>) -> Vec<Finding> {
    let Some(config) = config else {
        return vec![super::unchecked(PLACES, "no root key is configured")];
    };
    config.places().flat_map(|place| of_place(&place)).collect()
}

fn of_place(place: &RootKeySource) -> Vec<Finding> {
    let file = place.file.as_deref();
    let subject = file.map_or(place.setting.to_owned(), |file| file.display().to_string());
    let read = match &place.read {
        Ok(sources) => Finding::ok(PLACES, format!("{}: {}", place.setting, held(sources))),
        Err(error) => Finding::failure(
            PLACES,
            error.to_string(),
            format!(
                "put the root key back from its offline copy, with mode 0600 and owned by the user that serves \
                 (chmod 600, chown); {subject} must have what `strongroom root-key new` writes"
            ),
        ),
    };
    let mut findings = vec![read.about(&subject)];
    findings.extend(file.and_then(open_folder));
    findings
}

fn held(sources: &RootKeySources) -> String {
    let ids: Vec<_> = sources
        .keys
        .iter()
        .map(|key| key.id().to_string())
        .collect();
    match ids.as_slice() {
        [] => "a passphrase".into(),
        ids => format!("{} root key(s): {}", ids.len(), ids.join(", ")),
    }
}

// Whoever may write to the folder can put another file in the place of a private one.
fn open_folder(file: &Path) -> Option<Finding> {
    let folder = if file.is_dir() {
        file
    } else {
        file.parent()
            .filter(|folder| !folder.as_os_str().is_empty())?
    };
    let mode = std::fs::metadata(folder).ok()?.permissions().mode() & 0o7777;
    // In a sticky folder such as /tmp, a file is replaced by its owner alone.
    if mode & 0o022 == 0 || mode & 0o1000 != 0 {
        return None;
    }
    let shown = folder.display();
    let finding = Finding::warning(
        PLACES,
        format!(
            "others can write to the folder {shown} (mode {mode:04o}), and so replace what is in it"
        ),
        format!("chmod go-w {shown}"),
    );
    Some(finding.about(shown.to_string()))
}

/// The configured root keys beside those that the database knows.
pub(super) async fn findings(database: &Database, config: Option<&RootKeyConfig>) -> Vec<Finding> {
    let rows = match database.root_keys().await {
        Ok(rows) => rows,
        Err(error) => return vec![super::unchecked(KEYS, &error.to_string())],
    };
    // What can be read counts; what cannot has a finding of its own.
    let mut sources = RootKeySources::default();
    for place in config.into_iter().flat_map(RootKeyConfig::places) {
        if let Ok(read) = place.read {
            sources.keys.extend(read.keys);
            sources.passphrases.extend(read.passphrases);
        }
    }
    let known: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut findings = judged(&sources, rows);
    let strangers = sources.keys.iter().filter(|key| !known.contains(&key.id()));
    if !known.is_empty() {
        findings.extend(strangers.map(|key| {
            let found = format!(
                "root key {} is configured, and this database does not know it: a leftover, another database's, or \
                 one that `strongroom rotate root` was not told of yet",
                key.id()
            );
            Finding::note(KEYS, found).about(key.id().to_string())
        }));
    }
    findings
}

fn judged(sources: &RootKeySources, rows: Vec<StoredRootKey>) -> Vec<Finding> {
    if rows.is_empty() {
        let found = "the database has no root key yet: the first server or command that opens it makes the newest \
                     configured one its own";
        return vec![Finding::note(KEYS, found)];
    }
    match compare(sources, rows) {
        Ok(compared) => compared.iter().map(of_key).collect(),
        Err(error) => vec![super::unchecked(KEYS, &error.to_string())],
    }
}

fn of_key(compared: &Compared) -> Finding {
    let Compared { row, found, needed } = compared;
    let (id, state) = (row.id, row.state.as_str());
    let kind = if row.passphrase.is_some() {
        "passphrase"
    } else {
        "key from a file or variable"
    };
    let finding = if *found == WRONG && (*needed || row.passphrase.is_none()) {
        Finding::failure(
            KEYS,
            format!(
                "root key {id} ({state}) is wrong: what is configured is not the {kind} that this database was sealed with"
            ),
            format!(
                "configure the {kind} {id} from its offline copy; `strongroom key-check` compares again"
            ),
        )
    } else if *found == MISSING && *needed {
        Finding::failure(
            KEYS,
            format!("root key {id} ({state}) is missing: the database needs this {kind}"),
            format!(
                "configure the {kind} {id} from its offline copy beside the others (root_key_file may have several lines)"
            ),
        )
    } else if *found == MISSING && row.state == RootKeyState::Prepared {
        Finding::warning(
            KEYS,
            format!("root key {id} was prepared, and is not configured here"),
            "add it to this server's root_key_file: `strongroom rotate root` waits until every server holds it",
        )
    } else if row.state == RootKeyState::Retired && *found != MISSING {
        let found = format!(
            "root key {id} is retired and still configured; it can be removed from the settings"
        );
        Finding::note(KEYS, found)
    } else {
        Finding::ok(
            KEYS,
            format!("root key {id} is {state}, and what is configured is {found}"),
        )
    };
    finding.about(id.to_string())
}

/// How many servers run, and whether each holds the active root key.
pub(super) async fn servers(database: &Database, now: DateTime<Utc>) -> (usize, Vec<Finding>) {
    let read = async {
        let servers = database.servers(now - RUNNING).await?;
        Ok::<_, StoreError>((servers, database.root_keys().await?))
    };
    match read.await {
        Ok((servers, keys)) => (servers.len(), holding(&servers, &keys)),
        Err(error) => (0, vec![super::unchecked(SERVERS, &error.to_string())]),
    }
}

fn holding(servers: &[RunningServer], keys: &[StoredRootKey]) -> Vec<Finding> {
    if servers.is_empty() {
        let found = "no server has reported within 30 seconds: none runs on this database";
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
                "add that key to its root_key_file; it reads the file again every 2 seconds",
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

/// Whether every rotation moves.
pub(super) async fn rotations(database: &Database, now: DateTime<Utc>) -> Vec<Finding> {
    let root = database.root_rotations().await;
    let root = root.map_err(|error| ConnectError::Failed(error.to_string()));
    let root = super::attempt(ROTATIONS, root, |rotations| {
        let each = rotations.iter().map(|one| {
            let what = format!("root key {}", one.root_key);
            of_rotation(&what, "strongroom rotate root", &one.progress, now)
        });
        each.flatten().collect()
    });
    let organizations = super::attempt(ROTATIONS, doctor::rotations(database).await, |all| {
        let each = all.iter().map(|one| {
            let what = format!("organisation {}", one.org_id);
            let command = format!("strongroom rotate org {}", one.org_id);
            of_rotation(&what, &command, &one.progress, now)
        });
        each.flatten().collect()
    });
    let findings = root.into_iter().chain(organizations).collect();
    or_ok(findings, ROTATIONS, "none runs")
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
    let still = now - progress.updated_at;
    if still < STUCK {
        let found = format!("the rotation of {what} runs: {done} of {total} rows");
        return Some(Finding::note(ROTATIONS, found).about(what));
    }
    let finding = Finding::warning(
        ROTATIONS,
        format!(
            "the rotation of {what} has not moved for {} minutes, at {done} of {total} rows",
            still.num_minutes()
        ),
        format!(
            "run `{command}` again: it goes on where it stopped, and says what is in the way. Running servers try, too; see their logs"
        ),
    );
    Some(finding.about(what))
}

/// Whether some server checks all credentials in the background. What it found is in the servers' metrics alone.
pub(super) async fn scrub(inspection: &Inspection, servers: usize) -> Vec<Finding> {
    let check = "scrub";
    super::attempt(check, doctor::scrub_runs(inspection).await, |runs| {
        vec![if runs {
            let found = "a server checks all credentials in the background; when it last came to its end is in \
                         strongroom_verify_last_run_timestamp_seconds at /metrics";
            Finding::ok(check, found)
        } else if servers == 0 {
            Finding::note(
                check,
                "no server runs, so none checks credentials; `strongroom verify` does",
            )
        } else {
            let found = "servers run, and none of them checks credentials in the background: they begin a minute after \
                         their start, unless verify_interval is off; then run `strongroom verify` daily";
            Finding::note(check, found)
        }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn a_rotation_that_stands_still_is_a_warning() {
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
