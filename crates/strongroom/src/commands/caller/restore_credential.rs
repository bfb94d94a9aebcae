use serde_json::json;

use super::paths;
use super::session::{connect_caller, waiting};
use crate::cli::RestoreCredentialArgs;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// `strongroom credential restore`.
pub(crate) fn run(args: &RestoreCredentialArgs) -> Result<(), CommandError> {
    let id = &args.id;
    let call = Call::bare_post(format!("{}/restore", paths::credential(id)?));
    let client = connect_caller(&args.caller)?;
    client.send(&waiting(call, &args.consistency))?;
    let value = json!({"external_cred_id": id, "restored": true});
    output::answer(
        args.caller.json,
        &value,
        &format!("restored credential {id}"),
    );
    Ok(())
}
