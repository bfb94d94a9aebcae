use std::path::PathBuf;

use clap::{Args, Subcommand};
use strongroom_domain::kinds::{CredentialType, Provider};

use crate::cli::consistency::ConsistencyArgs;
use crate::cli::kinds::{kind, provider};
use crate::cli::profile::ProfileArg;
use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Create a credential from the JSON object in a file or on standard input.
    Create(CreateCredentialArgs),
    /// List an organization's credentials and their last-used times. Recorded in its audit trail.
    List(ListCredentialsArgs),
    /// Print the secret of a credential: the JSON object. Recorded in the audit trail.
    Get(GetCredentialArgs),
    /// Change the label or the JSON of a credential.
    ///
    /// On a terminal, and with neither --label nor --from, the JSON is opened in $VISUAL or
    /// $EDITOR, in a file that is private and wiped afterwards.
    Edit(EditCredentialArgs),
    /// Delete a credential, or all of the organization. A credential that does not exist counts as
    /// deleted.
    Delete(DeleteCredentialArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// The company that issued it.
    #[arg(long, value_parser = provider())]
    pub(crate) provider: Provider,
    /// The kind of secret.
    #[arg(long = "type", value_name = "TYPE", value_parser = kind())]
    pub(crate) kind: CredentialType,
    /// Text for people, which is not encrypted.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// File with the JSON object; `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) from: PathBuf,
    /// Text by which the server recognizes a repetition of this command within 24 hours [default:
    /// a new one].
    #[arg(long, value_name = "TEXT")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListCredentialsArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Only credentials of this provider.
    #[arg(long, value_parser = provider())]
    pub(crate) provider: Option<Provider>,
    /// Only credentials of this type.
    #[arg(long = "type", value_name = "TYPE", value_parser = kind())]
    pub(crate) kind: Option<CredentialType>,
    /// Only credentials with exactly this label.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Only credentials neither used nor created within this time, such as 90d.
    #[arg(long, value_name = "TIME")]
    pub(crate) unused_since: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GetCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
    /// Print the secret although standard output is a terminal.
    #[arg(long)]
    pub(crate) show: bool,
    /// Write the secret to this file, which must not exist, and which only its owner can read.
    #[arg(long, value_name = "FILE", conflicts_with = "show")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EditCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
    /// The new label.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// File with the new JSON object; `-` is standard input. The default without --label, and
    /// without a terminal, is `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The JSON object is a merge patch (RFC 7396): it changes the members that it names, and
    /// removes those that are null in it.
    #[arg(long)]
    pub(crate) merge: bool,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

/// The version to which a write applies.
#[derive(Debug, Args)]
pub(crate) struct VersionArg {
    /// Fail unless the credential is of this version: its `etag`, as `list --json` and `get --json`
    /// show it, with the double quotes.
    #[arg(long = "if-match", value_name = "ETAG")]
    pub(crate) etag: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(
        value_name = "CREDENTIAL_ID",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub(crate) id: Option<String>,
    /// Delete all credentials of the organization.
    #[arg(long, conflicts_with = "etag")]
    pub(crate) all: bool,
    /// Do not ask. Required where there is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

/// What all commands about credentials take.
#[derive(Debug, Args)]
pub(crate) struct CallerArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
