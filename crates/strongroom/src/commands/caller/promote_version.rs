use serde_json::json;

use super::paths;
use super::session::{connect_caller, of_version, waiting};
use crate::cli::{PromoteVersionArgs, ValueArgs};
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;

/// What `If-Match` says if the credential may be of any version. The server requires the header.
const ANY: &str = "*";

/// `strongroom credential promote`.
pub(crate) fn run(args: &PromoteVersionArgs) -> Result<(), CommandError> {
    let ValueArgs { id, value_version } = &args.value;
    let call = Call::bare_post(paths::value(id, *value_version, "promote")?);
    let etag = args.version.etag.as_deref().unwrap_or(ANY);
    let client = connect_caller(&args.caller)?;
    client.send(&of_version(waiting(call, &args.consistency), Some(etag)))?;
    let value = json!({
        "external_cred_id": id,
        "value_version": value_version,
        "promoted": true,
    });
    let text = format!(
        "promoted value version {value_version} of credential {id}; it is the current one now"
    );
    output::answer(args.caller.json, &value, &text);
    Ok(())
}
