//! Root keys: their configured sources, and the keys that the database needs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_domain::keyring::stored::StoredRootKey;
use strongroom_domain::ports::keys::RootKeyStore;
use strongroom_domain::rotation::RootKeyState;
use strongroom_storage::Database;

use super::finding::{Finding, unchecked};
use crate::commands::root_key_check::{Compared, MISSING, WRONG, compare};
use crate::settings::root_key::{RootKeyConfig, RootKeySource};

const SOURCES: &str = "root_key_source";
const KEYS: &str = "root_keys";

/// The configured sources of root keys: whether each can be read, and only by its owner.
pub(super) fn sources(config: Option<&RootKeyConfig>) -> Vec<Finding> {
    let Some(config) = config else {
        return vec![unchecked(SOURCES, "no root key is configured")];
    };
    config
        .places()
        .flat_map(|source| of_source(&source))
        .collect()
}

fn of_source(source: &RootKeySource) -> Vec<Finding> {
    let file = source.file.as_deref();
    let subject = file.map_or(source.setting.to_owned(), |file| file.display().to_string());
    let read = match &source.read {
        Ok(sources) => Finding::ok(
            SOURCES,
            format!("{}: {}", source.setting, describe(sources)),
        ),
        Err(error) => Finding::failure(
            SOURCES,
            error.to_string(),
            format!(
                "restore the root key from its offline copy, with mode 0600 and owned by the user \
                 that runs the server (chmod 600, chown); the format of {subject} must be that of \
                 `strongroom root-key new`"
            ),
        ),
    };
    let mut findings = vec![read.about(&subject)];
    findings.extend(file.and_then(open_folder));
    findings
}

fn describe(sources: &RootKeySources) -> String {
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

// With write access to the folder, a private file can be replaced.
fn open_folder(file: &Path) -> Option<Finding> {
    let folder = if file.is_dir() {
        file
    } else {
        file.parent()
            .filter(|folder| !folder.as_os_str().is_empty())?
    };
    let mode = std::fs::metadata(folder).ok()?.permissions().mode() & 0o7777;
    // In a sticky folder, such as /tmp, only its owner can replace a file.
    if mode & 0o022 == 0 || mode & 0o1000 != 0 {
        return None;
    }
    let shown = folder.display();
    let finding = Finding::warning(
        SOURCES,
        format!(
            "others can write to the folder {shown} (mode {mode:04o}), and replace files in it"
        ),
        format!("chmod go-w {shown}"),
    );
    Some(finding.about(shown.to_string()))
}

/// Compares the configured root keys with those that the database knows.
pub(super) async fn findings(database: &Database, config: Option<&RootKeyConfig>) -> Vec<Finding> {
    let rows = match database.root_keys().await {
        Ok(rows) => rows,
        Err(error) => return vec![unchecked(KEYS, &error.to_string())],
    };
    // Sources that cannot be read have findings of their own.
    let mut sources = RootKeySources::default();
    for source in config.into_iter().flat_map(RootKeyConfig::places) {
        if let Ok(read) = source.read {
            sources.extend(read);
        }
    }
    let known: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut findings = judged(&sources, rows);
    let unknown = sources.keys.iter().filter(|key| !known.contains(&key.id()));
    if !known.is_empty() {
        findings.extend(unknown.map(|key| {
            let found = format!(
                "root key {} is configured, but unknown to this database: it is a leftover, \
                 belongs to another database, or is not prepared with `strongroom rotate root` yet",
                key.id()
            );
            Finding::note(KEYS, found).about(key.id().to_string())
        }));
    }
    findings
}

fn judged(sources: &RootKeySources, rows: Vec<StoredRootKey>) -> Vec<Finding> {
    if rows.is_empty() {
        let found = "the database has no root key yet: the first server or command that opens it \
                     registers the newest configured one";
        return vec![Finding::note(KEYS, found)];
    }
    match compare(sources, rows) {
        Ok(compared) => compared.iter().map(of_key).collect(),
        Err(error) => vec![unchecked(KEYS, &error.to_string())],
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
                "root key {id} ({state}) is wrong: the configured {kind} is not the one that this \
                 database uses"
            ),
            format!(
                "configure the {kind} {id} from its offline copy, then check with \
                 `strongroom root-key check`"
            ),
        )
    } else if *found == MISSING && *needed {
        Finding::failure(
            KEYS,
            format!("root key {id} ({state}) is missing: the database needs this {kind}"),
            format!(
                "configure the {kind} {id} from its offline copy in addition to the others \
                 (root_key_file may have several lines)"
            ),
        )
    } else if *found == MISSING && row.state == RootKeyState::Prepared {
        Finding::warning(
            KEYS,
            format!("root key {id} is prepared, but not configured here"),
            "add it to this server's root_key_file: `strongroom rotate root` waits until every \
             server holds it",
        )
    } else if row.state == RootKeyState::Retired && *found != MISSING {
        let found = format!(
            "root key {id} is retired and still configured; it can be removed from the settings"
        );
        Finding::note(KEYS, found)
    } else {
        Finding::ok(
            KEYS,
            format!("root key {id} is {state}, and its configuration is {found}"),
        )
    };
    finding.about(id.to_string())
}
