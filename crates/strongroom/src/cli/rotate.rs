use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RotateCommand {
    /// Bring every organization's keys under a new root key. Servers go on meanwhile.
    ///
    /// Where root_key_file can be written from here, this makes the new key, adds it there, waits until every
    /// running server has read it, and re-wraps. Elsewhere run it with --prepare first, give the key to every
    /// server, and run it again without. One that was interrupted is gone on with.
    Root(RotateRootArgs),
    /// Bring credentials under a new key of their organization, or of every organization. Servers go on meanwhile.
    ///
    /// Data keys are wrapped anew; --re-encrypt makes new data keys and ciphertext, for a key that leaked. One that
    /// was interrupted is gone on with.
    Org(RotateOrgArgs),
    /// Show rotations and how far they have come.
    Status {
        #[command(flatten)]
        vault: VaultArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Retire an old key that nothing needs any more; refused, with the count, while something does.
    Retire(RotateRetireArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateRootArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// Only make the new root key and make it known; it is added to root_key_file, or printed.
    #[arg(long)]
    pub(crate) prepare: bool,
    /// With --prepare: write the new root key to this file, which must not exist.
    #[arg(long, value_name = "FILE", requires = "prepare")]
    pub(crate) out: Option<PathBuf>,
    /// Only say what would be done.
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
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct RotateOrgArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// The organization's id.
    #[arg(group = "which")]
    pub(crate) org: Option<String>,
    /// All organizations, one after another.
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// Make new data keys and ciphertext: for a key that leaked.
    #[arg(long)]
    pub(crate) re_encrypt: bool,
    /// Only say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Most credentials per second [default: unlimited].
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RotateRetireArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    /// A root key's id.
    #[arg(long, value_name = "KEY_ID", conflicts_with_all = ["org", "generation"])]
    pub(crate) root: Option<String>,
    /// An organization's id, together with --generation.
    #[arg(long, value_name = "ORG_ID", requires = "generation")]
    pub(crate) org: Option<String>,
    /// The generation of the organization's key.
    #[arg(long, value_name = "N", requires = "org")]
    pub(crate) generation: Option<i32>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
