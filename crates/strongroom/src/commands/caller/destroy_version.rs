use serde_json::json;

use super::paths;
use super::session::{confirm, connect_caller, of_version, waiting};
use crate::cli::{DestroyVersionArgs, ValueArgs};
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// `strongroom credential destroy`.
pub(crate) fn run(args: &DestroyVersionArgs) -> Result<(), CommandError> {
    let ValueArgs { id, value_version } = &args.value;
    let mut call = Call::bare_post(paths::value(id, *value_version, "destroy")?);
    if args.require_adopted {
        call = call.query("require_adopted", "true");
    }
    let client = connect_caller(&args.caller)?;
    let what = format!("value version {value_version} of credential {id}");
    let question = format!("Destroy {what}? It cannot be restored.");
    confirm(&question, args.yes)?;
    let call = waiting(call, &args.consistency);
    let answer = client.exchange(&of_version(call, args.version.etag.as_deref()))?;
    let readers = answer.readers();
    if !readers.is_empty() {
        let readers = readers.join(", ");
        output::note(&format!("not yet read by {readers}"));
    }
    answer.accepted()?;
    let value = json!({
        "external_cred_id": id,
        "value_version": value_version,
        "destroyed": true,
    });
    output::answer(args.caller.json, &value, &format!("destroyed {what}"));
    Ok(())
}
