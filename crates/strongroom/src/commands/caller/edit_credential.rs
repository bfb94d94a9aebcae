use std::io::{IsTerminal, stdin};
use std::path::Path;

use serde_json::json;

use super::revealed::{Revealed, body_with};
use super::session::{connect_caller, of_version, waiting};
use super::{editor, paths};
use crate::cli::EditCredentialArgs;
use crate::client::call::Call;
use crate::error::CommandError;
use crate::{output, secret_input};

/// `strongroom credential edit`.
pub(crate) async fn run(args: &EditCredentialArgs) -> Result<(), CommandError> {
    let path = paths::credential(&args.id)?;
    let client = connect_caller(&args.caller)?;
    let label = args.label.as_deref();
    let mut etag = args.version.etag.clone();
    let blob = match (&args.from, label) {
        (Some(file), _) => Some(secret_input::read(file)?),
        (None, Some(_)) if !args.merge => None,
        (None, None) if stdin().is_terminal() && !args.merge => {
            let revealed = Revealed::fetch(&client, &path)?;
            let edited = editor::edit(revealed.blob()?).await?;
            let edited = edited.ok_or_else(|| {
                CommandError::Failed("the secret is the same; nothing was changed".into())
            })?;
            // The server refuses the edit if another writer changed the credential meanwhile.
            etag = etag.or(revealed.etag()?);
            Some(edited)
        }
        (None, _) => Some(secret_input::read(Path::new("-"))?),
    };
    let members: Vec<_> = label
        .iter()
        .map(|label| ("extcred_label", *label))
        .collect();
    let member = match args.merge {
        true => "json_blob_merge",
        false => "json_blob",
    };
    let secret = blob.as_deref().map(|blob| (member, blob.as_str()));
    let body = body_with(&members, secret)?;
    let call = waiting(Call::patch(&path, &body), &args.consistency);
    client.send(&of_version(call, etag.as_deref()))?;
    let value = json!({"external_cred_id": args.id, "changed": true});
    let text = format!("changed credential {}", args.id);
    output::answer(args.caller.json, &value, &text);
    Ok(())
}
