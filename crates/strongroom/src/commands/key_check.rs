use serde_json::json;
use strongroom_domain::keyring::Found;
use strongroom_domain::rotation::RootKeyState;
use strongroom_domain::store::RootKeyStore;
use strongroom_storage::{Database, pending_migrations};

use crate::cli::VaultArgs;
use crate::error::CommandError;
use crate::{config, output, vault_access};

/// `strongroom key-check`: compares the configured root keys with those that the database knows.
pub(super) async fn run(vault: &VaultArgs, json: bool) -> Result<(), CommandError> {
    let access = config::vault_access(vault)?;
    let sources = access.root_keys.load()?;
    let database = Database::new(&access.database)?;
    let pending = pending_migrations(&database).await?;
    if pending > 0 {
        return Err(CommandError::Failed(vault_access::missing_migrations(
            pending,
        )));
    }
    let mut values = Vec::new();
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for row in database.root_keys().await? {
        let found = sources
            .find(&row)
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let found = match found {
            Found::Right(_) => "right",
            Found::Wrong => "wrong",
            Found::Missing => "missing",
        };
        let needed = matches!(row.state, RootKeyState::Active | RootKeyState::Superseded);
        if found == "wrong" || (found == "missing" && needed) {
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
    output::answer(json, &values, &output::table(headings, &rows));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Failed(problems.join("; ")))
    }
}
