use serde_json::json;
use strongroom_storage::{AppRole, Database, grant_app_role, migrate};

use crate::cli::MigrateArgs;
use crate::error::CommandError;
use crate::output;
use crate::settings::access::read_database;

/// `strongroom migrate`.
pub(super) async fn run(args: &MigrateArgs) -> Result<(), CommandError> {
    let database = Database::new(&read_database(&args.database)?)?;
    let password = args
        .app_password_file
        .as_deref()
        .map(read_password)
        .transpose()?;
    let migrated = migrate(&database).await?;
    let role = match &args.app_role {
        None => None,
        Some(name) => Some((
            name,
            grant_app_role(&database, name, password.as_deref()).await?,
        )),
    };
    let (role_json, role_text) = match &role {
        None => (serde_json::Value::Null, String::new()),
        Some((name, AppRole::Granted)) => (
            json!({"name": name, "granted": true}),
            format!("\nrole {name} has the rights of a server"),
        ),
        Some((name, AppRole::RunYourself(sql))) => (
            json!({"name": name, "granted": false, "sql": sql}),
            format!(
                "\nthis database role may not create {name}; run this as a role that may, and set \
                 a password for {name}:\n\n{sql}"
            ),
        ),
    };
    let value = json!({
        "applied": migrated.applied,
        "version": migrated.version,
        "app_role": role_json,
    });
    let applied = match migrated.applied.len() {
        0 => "nothing to apply".to_owned(),
        _ => format!("applied {}", migrated.applied.join(", ")),
    };
    let text = format!(
        "{applied}; the schema is at version {}{role_text}",
        migrated.version
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

fn read_password(file: &std::path::Path) -> Result<String, CommandError> {
    let what = format!("cannot read the password in {}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::io(&what, &error))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(CommandError::Failed(format!("{what}: it is empty")));
    }
    Ok(text.to_owned())
}
