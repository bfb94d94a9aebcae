use std::io::{IsTerminal, stdin};
use std::path::Path;

use serde_json::{Value, json};

use super::revealed::{Revealed, body_with};
use super::session::{connect_caller, of_version, waiting};
use super::{editor, paths};
use crate::cli::EditCredentialArgs;
use crate::client::Client;
use crate::client::call::Call;
use crate::commands::format::exact;
use crate::commands::time::expiry;
use crate::error::CommandError;
use crate::{output, secret_input};

/// `strongroom credential edit`.
pub(crate) async fn run(args: &EditCredentialArgs) -> Result<(), CommandError> {
    let path = paths::credential(&args.id)?;
    let client = connect_caller(&args.caller)?;
    let label = args.label.as_deref();
    let mut members: Vec<(&str, Value)> = Vec::new();
    members.extend(label.map(|label| ("extcred_label", label.into())));
    if let Some(expires) = &args.expires {
        members.push(("expires_at", expires_at(expires)?));
    }
    let mut etag = args.version.etag.clone();
    let blob = match &args.from {
        Some(file) => Some(secret_input::read(file)?),
        None if !members.is_empty() && !args.merge && !args.pending => None,
        None if stdin().is_terminal() && !args.merge => {
            let revealed = Revealed::fetch(&client, &path)?;
            let edited = editor::edit(revealed.blob()?).await?;
            let edited = edited.ok_or_else(|| {
                CommandError::Failed("the secret is the same; nothing was changed".into())
            })?;
            // The server refuses the edit if another writer changed the credential meanwhile.
            etag = etag.or(revealed.etag()?);
            Some(edited)
        }
        None => Some(secret_input::read(Path::new("-"))?),
    };
    let member = match args.merge {
        true => "json_blob_merge",
        false => "json_blob",
    };
    let secret = blob.as_deref().map(|blob| (member, blob.as_str()));
    let body = body_with(&members, secret)?;
    let call = waiting(Call::patch(&path, &body), &args.consistency);
    let call = of_version(call, etag.as_deref());
    if args.pending {
        return stage(args, &client, call);
    }
    client.send(&call)?;
    let value = json!({"external_cred_id": args.id, "changed": true});
    let text = format!("changed credential {}", args.id);
    output::answer(args.caller.json, &value, &text);
    Ok(())
}

/// Sends `call` so that the secret in it becomes the pending value.
fn stage(args: &EditCredentialArgs, client: &Client, call: Call<'_>) -> Result<(), CommandError> {
    // A repetition would find the value of the first request pending.
    let answer = client.send(&call.query("stage", "pending").once())?;
    let version = answer.header("SlashID-Value-Version");
    let version: Option<i64> = version.and_then(|version| version.parse().ok());
    let version = version.ok_or_else(|| {
        let problem = "the answer does not have the version of the staged value; see \
                       `strongroom credential versions`";
        CommandError::Failed(problem.into())
    })?;
    let id = &args.id;
    let value = json!({"external_cred_id": id, "value_version": version, "staged": true});
    let text = format!(
        "staged value version {version} of credential {id}; promote it with \
         `strongroom credential promote`"
    );
    output::answer(args.caller.json, &value, &text);
    Ok(())
}

/// What `--expires` demands: null for what the secret itself says.
fn expires_at(text: &str) -> Result<Value, CommandError> {
    match text {
        "derive" => Ok(Value::Null),
        _ => Ok(exact(expiry(text)?).into()),
    }
}
