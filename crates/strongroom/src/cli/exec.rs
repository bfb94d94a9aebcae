use std::ffi::OsString;

use clap::Args;

use crate::cli::profile::ProfileArg;

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// A credential, and the variable that gets its JSON. ID.FIELD=VAR is one member of the JSON
    /// alone, which must be a string. Can be repeated.
    #[arg(long = "credential", value_name = "ID[.FIELD]=VAR", required = true)]
    pub(crate) credentials: Vec<String>,
    /// Print JSON if the command cannot be started.
    #[arg(long)]
    pub(crate) json: bool,
    /// The command and its arguments, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
