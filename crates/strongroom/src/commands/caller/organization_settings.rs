use serde_json::{Map, Value};
use strongroom_domain::OrganizationSettings;

use super::paths::CONFIG;
use super::session::{client, waiting};
use crate::cli::OrgSettingsArgs;
use crate::client::call::Call;
use crate::error::CommandError;

/// Changes the settings of an organization that `change` has, and returns all of them.
pub(crate) fn run(
    args: &OrgSettingsArgs,
    change: &Map<String, Value>,
    profile: &str,
) -> Result<OrganizationSettings, CommandError> {
    let client = client(profile, args.org.as_deref())?;
    if !change.is_empty() {
        let body = Value::from(change.clone()).to_string();
        let call = Call::patch(CONFIG, body.as_bytes());
        client.send(&waiting(call, &args.consistency))?;
    }
    client.send(&Call::get(CONFIG))?.result()
}
