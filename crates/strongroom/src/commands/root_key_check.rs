use serde_json::json;
use strongroom_domain::keyring::sources::{RootKeyLookup, RootKeySources};
use strongroom_domain::keyring::stored::StoredRootKey;
use strongroom_domain::ports::keys::RootKeyStore;
use strongroom_domain::rotation::RootKeyState;
use strongroom_storage::Database;

use crate::cli::RootKeyCheckArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::{open_vault, output};

pub(super) const RIGHT: &str = "right";
pub(super) const WRONG: &str = "wrong";
pub(super) const MISSING: &str = "missing";

/// `strongroom root-key check`: compares the configured root keys with those of the
/// database.
pub(super) async fn run(args: &RootKeyCheckArgs) -> Result<(), CommandError> {
    let access = VaultAccess::read(&args.vault)?;
    let sources = access.root_keys.load()?;
    let database = Database::new(&access.database)?;
    open_vault::require_migrated(&database).await?;
    let mut values = Vec::new();
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for compared in compare(&sources, database.root_keys().await?)? {
        let Compared { row, found, needed } = compared;
        if found == WRONG || (found == MISSING && needed) {
            problems.push(format!("root key {} is {found}", row.id));
        }
        let (id, state) = (row.id.to_string(), row.state.as_str());
        values.push(
            json!({"root_key_id": id, "state": state, "needed": needed, "configured": found}),
        );
        let needed = if needed { "yes" } else { "no" };
        rows.push([id, state.to_owned(), needed.to_owned(), found.to_owned()]);
    }
    let headings = ["ROOT_KEY_ID", "STATE", "NEEDED", "CONFIGURED"];
    output::answer(args.json, &values, &output::table(headings, &rows));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Failed(problems.join("; ")))
    }
}

/// A root key that the database knows, and whether it is configured.
pub(super) struct Compared {
    pub(super) row: StoredRootKey,
    /// [`RIGHT`], [`WRONG`] or [`MISSING`].
    pub(super) found: &'static str,
    /// Whether stored keys may still be wrapped with it.
    pub(super) needed: bool,
}

/// Compares the configured root keys with `rows`, the root keys that the database knows.
pub(super) fn compare(
    sources: &RootKeySources,
    rows: Vec<StoredRootKey>,
) -> Result<Vec<Compared>, CommandError> {
    let compared = rows.into_iter().map(|row| {
        let found = match sources.find(&row) {
            Ok(RootKeyLookup::Match(_)) => RIGHT,
            Ok(RootKeyLookup::Mismatch) => WRONG,
            Ok(RootKeyLookup::Missing) => MISSING,
            Err(error) => return Err(CommandError::Failed(error.to_string())),
        };
        let needed = matches!(row.state, RootKeyState::Active | RootKeyState::Superseded);
        Ok(Compared { row, found, needed })
    });
    compared.collect()
}
