use serde_json::json;
use uuid::Uuid;

use super::paths::CREDENTIALS;
use super::revealed::body_with;
use super::session::{connect_caller, waiting};
use crate::cli::CreateCredentialArgs;
use crate::client::call::Call;
use crate::commands::format::exact;
use crate::commands::time::expiry;
use crate::error::CommandError;
use crate::{output, secret_input};

/// `strongroom credential create`.
pub(crate) fn run(args: &CreateCredentialArgs) -> Result<(), CommandError> {
    let client = connect_caller(&args.caller)?;
    let mut members = vec![
        ("extcred_provider", args.provider.as_str().into()),
        ("extcred_type", args.kind.as_str().into()),
    ];
    members.extend(
        args.label
            .as_deref()
            .map(|label| ("extcred_label", label.into())),
    );
    if let Some(expires) = &args.expires {
        members.push(("expires_at", exact(expiry(expires)?).into()));
    }
    let blob = secret_input::read(&args.from)?;
    let body = body_with(&members, Some(("json_blob", &blob)))?;
    let key = args.idempotency_key.clone();
    let key = key.unwrap_or_else(|| Uuid::new_v4().to_string());
    let call = Call::post(CREDENTIALS, &body).idempotent(&key);
    let answer = client.exchange(&waiting(call, &args.consistency));
    // The credential may exist. The key finds it, where another call would create a second one.
    let unsure = match &answer {
        Ok(answer) => [408, 503].contains(&answer.status),
        Err(_) => true,
    };
    if unsure {
        output::note(&format!("to try again, add --idempotency-key {key}"));
    }
    let [id]: [String; 1] = answer?.accepted()?.result()?;
    let value = json!({"external_cred_id": id, "organization_id": client.org()});
    output::answer(
        args.caller.json,
        &value,
        &format!("created credential {id}"),
    );
    Ok(())
}
