use std::path::PathBuf;

use clap::Args;

use crate::settings::args::DatabaseArgs;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Create this role for servers, unless it exists, and grant it the rights that a server needs.
    /// If the owner may not create roles, print the SQL for a role that may. Repeat it after every
    /// upgrade.
    #[arg(long, value_name = "NAME")]
    pub(crate) app_role: Option<String>,
    /// Set the application role's password to the content of this file.
    #[arg(long, value_name = "FILE", requires = "app_role")]
    pub(crate) app_password_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
