use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, RangedI64ValueParser};
use clap::{Args, Subcommand};
use strongroom_domain::credential_order::CredentialOrder;
use strongroom_domain::kinds::{CredentialType, Provider};

use crate::cli::caller::{CallerArgs, VersionArg};
use crate::cli::consistency::ConsistencyArgs;
use crate::cli::credential_relay::RelayTestArgs;
use crate::cli::credential_versions::{
    AdoptionArgs, DestroyVersionArgs, ListVersionsArgs, PromoteVersionArgs, RestoreCredentialArgs,
};
use crate::cli::kinds::{kind, order, provider};
use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Create a credential from the JSON object in a file or on standard input.
    Create(CreateCredentialArgs),
    /// List an organization's credentials and their last-used times. Recorded in its audit trail.
    List(ListCredentialsArgs),
    /// Print the secret of a credential: the JSON object. Recorded in the audit trail.
    Get(GetCredentialArgs),
    /// Change the label, the JSON or the expiry of a credential.
    ///
    /// On a terminal, and with neither --label, --expires nor --from, the JSON is opened in $VISUAL
    /// or $EDITOR, in a file that is private and wiped afterwards.
    Edit(EditCredentialArgs),
    /// Delete a credential, or all of the organization. A credential that does not exist counts as
    /// deleted.
    Delete(DeleteCredentialArgs),
    /// Restore a deleted credential, with all its values, until its recovery window ends.
    Restore(RestoreCredentialArgs),
    /// List the values of a credential, newest first, without their secrets.
    Versions(ListVersionsArgs),
    /// Make a value of a credential the current one. The current one becomes the previous one.
    Promote(PromoteVersionArgs),
    /// Destroy a value of a credential that is not the current one. Only its number is left.
    Destroy(DestroyVersionArgs),
    /// List the readers of a credential, and whether each has read the current value.
    Adoption(AdoptionArgs),
    /// Show what a relay would send for a request, with the secret hidden, and whether it would be
    /// refused. Nothing is sent.
    RelayTest(RelayTestArgs),
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
    /// When it expires: a date (2027-01-31), a time (2027-01-31T12:00:00Z), or a span from now
    /// (90d, 12h, 1y) [default: what an access token or a certificate in the JSON says].
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
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
    /// Only credentials that expire within this time, such as 30d, or have expired.
    #[arg(long, value_name = "TIME")]
    pub(crate) expiring_within: Option<String>,
    /// Only credentials whose label contains this text, without regard to case.
    #[arg(
        long,
        value_name = "TEXT",
        help_heading = "Over HTTP",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(crate) label_contains: Option<String>,
    /// The order; `-` reverses it. Credentials that were never used count as used before all
    /// others, and those that do not expire as the last to expire.
    #[arg(
        long,
        value_name = "ORDER",
        help_heading = "Over HTTP",
        allow_hyphen_values = true,
        value_parser = order()
    )]
    pub(crate) sort: Option<CredentialOrder>,
    /// Deleted credentials that can be restored, instead of the others.
    #[arg(long, help_heading = "Over HTTP")]
    pub(crate) deleted: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(
        value_name = "CREDENTIAL_ID",
        required_unless_present = "label",
        conflicts_with = "label"
    )]
    pub(crate) id: Option<String>,
    /// The label of the credential, instead of its id. No other credential may have it.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) label: Option<String>,
    /// The value at this stage: current, previous or pending [default: current].
    #[arg(
        long,
        value_parser = ["current", "previous", "pending"],
        hide_possible_values = true,
        conflicts_with_all = ["value_version", "label"]
    )]
    pub(crate) stage: Option<String>,
    /// The value with this version, as `credential versions` shows it.
    #[arg(
        long,
        value_name = "N",
        value_parser = RangedI64ValueParser::<i64>::new().range(1..),
        conflicts_with = "label"
    )]
    pub(crate) value_version: Option<i64>,
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
    /// When it expires: a date, a time, a span from now, or `derive` for what an access token or a
    /// certificate in the JSON says.
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// File with the new JSON object; `-` is standard input. The default without --label and
    /// --expires, or with --pending, and without a terminal, is `-`.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The JSON object is a merge patch (RFC 7396): it changes the members that it names, and
    /// removes those that are null in it.
    #[arg(long)]
    pub(crate) merge: bool,
    /// Store the JSON object as the pending value, and leave the current one as it is.
    #[arg(long, conflicts_with = "label")]
    pub(crate) pending: bool,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
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
    /// End the recovery window at once: it cannot be restored.
    #[arg(long)]
    pub(crate) purge: bool,
    /// Do not ask. Required where there is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}
