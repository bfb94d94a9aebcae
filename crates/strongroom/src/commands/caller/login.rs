use std::path::{Path, PathBuf};

use serde_json::json;
use strongroom_domain::crypto::SecretString;

use super::paths::ORGANIZATIONS;
use super::session::{name_of, parse_org};
use crate::cli::LoginArgs;
use crate::client::Client;
use crate::client::call::Call;
use crate::client::identity::Identity;
use crate::client::profile::Profile;
use crate::error::CommandError;
use crate::{output, secret_input};

/// `strongroom login`.
pub(crate) fn run(args: &LoginArgs) -> Result<(), CommandError> {
    let name = name_of(&args.profile);
    Profile::file(&name)?;
    let org = parse_org(&args.org)?;
    let profile = Profile {
        url: args.url.clone(),
        insecure_http: args.insecure_http,
        org: org.to_string(),
        identity: identity(args)?,
        ca_file: full_path(args.ca_file.as_deref(), "--ca-file")?,
        cert_file: full_path(args.cert_file.as_deref(), "--cert-file")?,
        cert_key_file: full_path(args.cert_key_file.as_deref(), "--cert-key-file")?,
    };
    check(&Client::new(&profile)?)?;
    let file = profile.write(&name)?;
    let value = json!({"profile": name, "url": args.url, "org_id": org, "file": file});
    let text = format!(
        "logged in to organization {org} at {}; profile {name:?} is kept in {}",
        args.url,
        file.display()
    );
    output::answer(args.json, &value, &text);
    Ok(())
}

// The profile is used from other folders as well.
fn full_path(file: Option<&Path>, flag: &str) -> Result<Option<PathBuf>, CommandError> {
    let Some(file) = file else {
        return Ok(None);
    };
    let failed = |error| CommandError::io(&format!("{flag} {}", file.display()), &error);
    file.canonicalize().map(Some).map_err(failed)
}

fn identity(args: &LoginArgs) -> Result<Identity, CommandError> {
    let read = |file: &Path| {
        let mut line = secret_input::read_line(file)?;
        Ok::<_, CommandError>(SecretString::new(std::mem::take(&mut line)))
    };
    match (&args.key_file, &args.client_id, &args.client_secret_file) {
        (Some(file), None, None) => read(file).map(Identity::ApiKey),
        (None, Some(id), Some(file)) => {
            let (id, secret) = (id.clone(), read(file)?);
            Ok(Identity::Client { id, secret })
        }
        _ => Err(CommandError::Usage(
            "name --key-file, or --client-id and --client-secret-file".into(),
        )),
    }
}

// Every valid key may do this. A caller who may not is known to the server as well.
fn check(client: &Client) -> Result<(), CommandError> {
    let answer = client.exchange(&Call::get(ORGANIZATIONS))?;
    match answer.status {
        403 => Ok(()),
        401 => Err(CommandError::Failed(format!(
            "the server refuses this key or client for organization {} (status 401); no profile \
             was kept",
            client.org()
        ))),
        _ => answer.accepted().map(drop),
    }
}
