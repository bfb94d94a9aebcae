use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RotateCommand {
    /// Wrap the keys of every organization by a new root key, while servers run.
    ///
    /// If root_key_file can be written from here, this makes the new key, adds it there, waits
    /// until every running server has read it, and wraps the other keys by it. Otherwise, run it
    /// with --prepare first, give the new key to every server, and run it again without
    /// --prepare. Resumes an interrupted rotation.
    Root(RotateRootArgs),
    /// Wrap the data keys of one organization, or of all, by a new organization key, while servers
    /// run.
    ///
    /// With --re-encrypt, makes new data keys and ciphertext, for a key that leaked. Resumes an
    /// interrupted rotation.
    Org(RotateOrgArgs),
    /// Show rotations and their progress.
    Status {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Retire an old key that nothing needs any more. Refused, with the number of rows, while it is
    /// needed.
    Retire(RotateRetireArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateRootArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Only make the new root key and record it in the database. It is added to root_key_file, or
    /// printed.
    #[arg(long)]
    pub(crate) prepare: bool,
    /// With --prepare: write the new root key to this file, which must not exist.
    #[arg(long, alias = "out", value_name = "FILE", requires = "prepare")]
    pub(crate) output: Option<PathBuf>,
    /// Show the planned work, and change nothing.
    #[arg(long, conflicts_with = "prepare")]
    pub(crate) dry_run: bool,
    /// Most keys per second [default: unlimited].
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct RotateOrgArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of the organization.
    #[arg(long, value_name = "ORG_ID", group = "which")]
    org: Option<String>,
    // The spelling of earlier versions.
    #[arg(value_name = "ORG_ID", group = "which", hide = true)]
    former_org: Option<String>,
    /// All organizations, one after another.
    #[arg(long, group = "which")]
    all: bool,
    /// Make new data keys and ciphertext, for a key that leaked.
    #[arg(long)]
    pub(crate) re_encrypt: bool,
    /// Show the planned work, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Most credentials per second [default: unlimited].
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl RotateOrgArgs {
    /// The id of the organization; `None` for all.
    pub(crate) fn org(&self) -> Option<&str> {
        let given = self.org.as_ref().or(self.former_org.as_ref());
        given.map(String::as_str)
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct RotateRetireArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Id of a root key.
    #[arg(
        long,
        value_name = "KEY_ID",
        group = "what",
        conflicts_with = "generation"
    )]
    pub(crate) root: Option<String>,
    /// Id of an organization, together with --generation.
    #[arg(long, value_name = "ORG_ID", group = "what", requires = "generation")]
    pub(crate) org: Option<String>,
    /// The generation of the organization's key.
    #[arg(long, value_name = "N", requires = "org")]
    pub(crate) generation: Option<i32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
