//! Which way a command takes, and the client of a profile.

use strongroom_domain::{OrgId, Vault};

use crate::cli::{CallerArgs, ConsistencyArgs, ProfileArg};
use crate::client::Client;
use crate::client::call::Call;
use crate::client::profile::{DEFAULT_PROFILE, Profile};
use crate::error::CommandError;
use crate::settings::access::is_configured;
use crate::settings::args::VaultArgs;
use crate::settings::profile::{VARIABLE, named_by_variable};
use crate::{open_vault, output};

const NEITHER: &str = "there is neither a profile nor a database: make a profile with `strongroom \
                       login` to call a server over HTTP, or name the database with \
                       --database-url, STRONGROOM_DATABASE_URL or \
                       STRONGROOM_DATABASE_URL_FILE to act as the operator";

/// The way that a command takes.
pub(crate) enum Way {
    /// Over HTTP, as the profile of this name.
    Http(String),
    /// With the database, as the operator.
    Operator,
}

/// The way of a command that can take both: the profile that is named, else the database if there
/// is one, else the default profile.
pub(crate) fn way(profile: &ProfileArg, vault: &VaultArgs) -> Result<Way, CommandError> {
    let name = match named(profile) {
        Some(name) => name,
        None if is_configured(vault)? || !Profile::exists(DEFAULT_PROFILE) => {
            return Ok(Way::Operator);
        }
        None => DEFAULT_PROFILE.to_owned(),
    };
    match vault.names().next() {
        Some(flag) => Err(not_over_http(&flag, &name)),
        None => Ok(Way::Http(name)),
    }
}

/// Refuses the first of `flags` that was given, since only the operator's command has it.
pub(crate) fn refuse_over_http(name: &str, flags: &[(&str, bool)]) -> Result<(), CommandError> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(not_over_http(flag, name)),
        None => Ok(()),
    }
}

/// Refuses the first of `flags` that was given, since only the command over HTTP has it.
pub(crate) fn refuse_for_operator(flags: &[(&str, bool)]) -> Result<(), CommandError> {
    match flags.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(CommandError::Usage(format!(
            "{flag} is for calls over HTTP, and no profile is used: add --profile NAME"
        ))),
        None => Ok(()),
    }
}

fn not_over_http(flag: &str, profile: &str) -> CommandError {
    CommandError::Usage(format!(
        "{flag} is for the operator, who has the database; profile {profile:?} calls a server over \
         HTTP. Leave out the flag, or --profile and {VARIABLE}"
    ))
}

/// The value of the operator's `--org`.
pub(crate) fn operators_org(org: Option<&str>) -> Result<&str, CommandError> {
    org.ok_or_else(|| {
        CommandError::Usage("--org ORG_ID is required, as shown by `strongroom org list`".into())
    })
}

/// Opens the vault for the operator.
pub(crate) async fn open(vault: &VaultArgs) -> Result<Vault, CommandError> {
    if !is_configured(vault)? {
        return Err(CommandError::Failed(NEITHER.into()));
    }
    open_vault::for_command(vault).await
}

/// The client of the profile that is named, or else of the default profile.
pub(super) fn connect(profile: &ProfileArg, org: Option<&str>) -> Result<Client, CommandError> {
    client(&name_of(profile), org)
}

/// The client for a command about credentials.
pub(super) fn connect_caller(args: &CallerArgs) -> Result<Client, CommandError> {
    connect(&args.profile, args.org.as_deref())
}

/// The client of the profile `name`, in the organization `org` or in that of the profile.
pub(super) fn client(name: &str, org: Option<&str>) -> Result<Client, CommandError> {
    let org = org.map(parse_org).transpose()?;
    let client = Client::new(&Profile::read(name)?)?;
    Ok(match org {
        Some(org) => client.within(org.to_string()),
        None => client,
    })
}

/// The value of `--org`.
pub(super) fn parse_org(text: &str) -> Result<OrgId, CommandError> {
    let problem = "--org must be the id of an organization";
    OrgId::parse(text).ok_or_else(|| CommandError::Usage(problem.into()))
}

/// The name of the profile.
pub(super) fn name_of(profile: &ProfileArg) -> String {
    named(profile).unwrap_or_else(|| DEFAULT_PROFILE.to_owned())
}

fn named(profile: &ProfileArg) -> Option<String> {
    profile.profile.clone().or_else(named_by_variable)
}

/// `call`, which waits as `args` say.
pub(super) fn waiting<'a>(call: Call<'a>, args: &ConsistencyArgs) -> Call<'a> {
    call.consistency(args.consistency.as_deref(), args.timeout)
}

/// `call` on the credential's version with the tag `etag`, if there is one.
pub(super) fn of_version<'a>(call: Call<'a>, etag: Option<&str>) -> Call<'a> {
    match etag {
        Some(etag) => call.header("If-Match", etag).once(),
        None => call,
    }
}

/// Asks `question`, unless `yes` is set. Without a terminal, `yes` must be set.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !output::can_ask() {
        let problem = "there is no terminal on which to ask for a confirmation; add --yes";
        return Err(CommandError::Usage(problem.into()));
    }
    let typed = output::ask(&format!("{question} Type yes to go on: "));
    let typed = typed.map_err(|error| CommandError::io("cannot read the answer", &error))?;
    if typed == "yes" {
        return Ok(());
    }
    Err(CommandError::Failed(
        "not confirmed; nothing was changed".into(),
    ))
}
