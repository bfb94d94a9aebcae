use clap::Args;
use clap::builder::RangedI64ValueParser;

use crate::cli::caller::{CallerArgs, VersionArg};
use crate::cli::consistency::ConsistencyArgs;

#[derive(Debug, Args)]
pub(crate) struct ListVersionsArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteVersionArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    #[command(flatten)]
    pub(crate) value: ValueArgs,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DestroyVersionArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    #[command(flatten)]
    pub(crate) value: ValueArgs,
    /// Fail while a reader has not read the current value.
    #[arg(long)]
    pub(crate) require_adopted: bool,
    /// Do not ask. Required where there is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) version: VersionArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreCredentialArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptionArgs {
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
}

/// A value of a credential.
#[derive(Debug, Args)]
pub(crate) struct ValueArgs {
    /// Id of the credential.
    #[arg(value_name = "CREDENTIAL_ID")]
    pub(crate) id: String,
    /// Version of the value, as `credential versions` shows it.
    #[arg(
        value_name = "VALUE_VERSION",
        value_parser = RangedI64ValueParser::<i64>::new().range(1..)
    )]
    pub(crate) value_version: i64,
}
