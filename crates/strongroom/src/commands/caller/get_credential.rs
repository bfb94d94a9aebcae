use std::io::{IsTerminal, stdout};

use serde_json::json;

use super::paths;
use super::revealed::Revealed;
use super::session::connect_caller;
use crate::cli::GetCredentialArgs;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::output;
use crate::private_file::NewPrivateFile;

/// `strongroom credential get`.
pub(crate) fn run(args: &GetCredentialArgs) -> Result<(), CommandError> {
    if stdout().is_terminal() && !args.show && args.output.is_none() {
        return Err(CommandError::Usage(
            "standard output is a terminal, which would show the secret: add --show, or write it \
             to a file with --output FILE"
                .into(),
        ));
    }
    let call = call(args)?;
    let client = connect_caller(&args.caller)?;
    let file = args.output.as_deref().map(NewPrivateFile::prepare);
    let file = file.transpose()?;
    let revealed = Revealed::send(&client, &call)?;
    if revealed.is_expired() {
        output::note("this credential has expired");
    }
    match (file, &args.output) {
        (Some(file), Some(name)) => {
            file.keep(revealed.blob()?.as_bytes())?;
            let value = json!({"external_cred_id": revealed.id()?, "file": name});
            let text = format!("wrote the secret to {}", name.display());
            output::answer(args.caller.json, &value, &text);
        }
        _ => output::answer(args.caller.json, revealed.credential()?, revealed.blob()?),
    }
    Ok(())
}

fn call(args: &GetCredentialArgs) -> Result<Call<'static>, CommandError> {
    if let Some(label) = &args.label {
        return Ok(Call::get(paths::by_label(label)));
    }
    let id = args.id.as_deref().unwrap_or_default();
    let mut call = Call::get(paths::credential(id)?);
    if let Some(stage) = &args.stage {
        call = call.query("stage", stage);
    }
    if let Some(version) = args.value_version {
        call = call.query("value_version", &version.to_string());
    }
    Ok(call)
}
