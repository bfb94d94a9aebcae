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
    confirm(&format!("Delete {what}?"), args.yes)?;
    let call = Call::delete(paths::CREDENTIALS);
    let call = match &args.id {
        Some(id) => call.query("credentialId", id),
        None => call.query("deleteAll", "true"),
    };
    let call = waiting(call, &args.consistency);
    client.send(&of_version(call, args.version.etag.as_deref()))?;
    let value = json!({"external_cred_id": args.id, "organization_id": org, "deleted": true});
    output::answer(args.caller.json, &value, &format!("deleted {what}"));
    Ok(())
}
