use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RootKeyCommand {
    /// Write a new random root key to a file, readable by you alone. An existing file is left as it
    /// is.
    ///
    /// Keep a copy offline: without the root key nothing in the database can be opened.
    New(RootKeyNewArgs),
    /// Compare the configured root keys with those that the database needs. Exits with 1 if one is
    /// wrong, or needed and missing.
    Check(RootKeyCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RootKeyNewArgs {
    /// The file to write, which must not exist yet.
    #[arg(long, value_name = "FILE", required_unless_present = "former_output")]
    output: Option<PathBuf>,
    // The spelling of earlier versions.
    #[arg(value_name = "FILE", conflicts_with = "output", hide = true)]
    former_output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl RootKeyNewArgs {
    pub(crate) fn output(&self) -> &Path {
        let given = self.output.as_ref().or(self.former_output.as_ref());
        given.map_or(Path::new(""), PathBuf::as_path)
    }
}

#[derive(Debug, Args)]
pub(crate) struct RootKeyCheckArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
