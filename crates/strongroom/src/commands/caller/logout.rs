use serde_json::json;

use super::session::name_of;
use crate::cli::LogoutArgs;
use crate::client::profile::Profile;
use crate::error::CommandError;
use crate::output;

/// `strongroom logout`.
pub(crate) fn run(args: &LogoutArgs) -> Result<(), CommandError> {
    let name = name_of(&args.profile);
    let file = Profile::remove(&name)?;
    let value = json!({"profile": name, "removed": true});
    let text = format!(
        "removed profile {name:?} ({}); its key is valid until it is revoked",
        file.display()
    );
    output::answer(args.json, &value, &text);
    Ok(())
}
