use serde_json::json;

use super::paths;
use super::session::{confirm, connect_caller, of_version, waiting};
use crate::cli::DeleteCredentialArgs;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// `strongroom credential delete`.
pub(crate) fn run(args: &DeleteCredentialArgs) -> Result<(), CommandError> {
    if let Some(id) = &args.id {
        paths::credential(id)?;
    }
    let client = connect_caller(&args.caller)?;
    let org = client.org();
    let what = match &args.id {
        Some(id) => format!("credential {id}"),
        None => format!("all credentials of organization {org}"),
    };
    let question = match (args.purge, &args.id) {
        (false, _) => format!("Delete {what}?"),
        (true, Some(_)) => format!("Delete {what}? It cannot be restored."),
        (true, None) => {
            format!("Delete {what}, also those deleted before? They cannot be restored.")
        }
    };
    confirm(&question, args.yes)?;
    let call = Call::delete(paths::CREDENTIALS);
    let call = match &args.id {
        Some(id) => call.query("credentialId", id),
        None => call.query("deleteAll", "true"),
    };
    let call = match args.purge {
        true => call.query("purge", "true"),
        false => call,
    };
    let call = waiting(call, &args.consistency);
    client.send(&of_version(call, args.version.etag.as_deref()))?;
    let mut value = json!({"external_cred_id": args.id, "organization_id": org, "deleted": true});
    let mut text = format!("deleted {what}");
    if args.purge {
        value["purged"] = true.into();
        text += " for good";
    }
    output::answer(args.caller.json, &value, &text);
    Ok(())
}
