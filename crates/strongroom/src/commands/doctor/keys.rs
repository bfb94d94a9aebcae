//! Root keys: where they come from, and what the database needs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_domain::keyring::stored::StoredRootKey;
use strongroom_domain::ports::keys::RootKeyStore;
use strongroom_domain::rotation::RootKeyState;
use strongroom_storage::Database;

use super::finding::Finding;
use crate::commands::key_check::{Compared, MISSING, WRONG, compare};
use crate::settings::root_key::{RootKeyConfig, RootKeySource};

const PLACES: &str = "root_key_source";
const KEYS: &str = "root_keys";

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
