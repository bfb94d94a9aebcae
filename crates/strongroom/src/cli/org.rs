use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Subcommand};
use strongroom_domain::MAX_RECOVERY_DAYS;
use strongroom_domain::history::MAX_VERSIONS_KEPT;

use crate::cli::consistency::ConsistencyArgs;
use crate::cli::organization::OrganizationArg;
use crate::cli::profile::ProfileArg;
use crate::settings::args::VaultArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Create an organization, with an encryption key of its own.
    ///
    /// Over HTTP, it is a sub-organization, and gets its first API key, which is shown once.
    Create(OrgCreateArgs),
    /// List all organizations, oldest first.
    ///
    /// Over HTTP, the profile's organization and the ids of its descendants.
    List(OrgListArgs),
    /// Delete an organization. Its API keys are refused at once. Its encryption keys, without which
    /// none of its data can be opened, are destroyed when the grace period ends.
    ///
    /// Its audit trail stays. Earlier backups can still be opened with the root key of their time,
    /// until that root key is rotated away and destroyed.
    Delete(OrgDeleteArgs),
    /// Restore a deleted organization whose grace period has not ended.
    Restore(OrgRestoreArgs),
    /// Show the settings of an organization, and change those that are given.
    Settings(OrgSettingsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OrgCreateArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    #[command(flatten)]
    pub(crate) name: NameArg,
    /// Id of the organization that becomes the parent [default: that of the profile].
    #[arg(long, value_name = "ORG_ID", help_heading = "Over HTTP")]
    pub(crate) org: Option<String>,
    /// Write the API key to this file, which must not exist, instead of showing it.
    #[arg(long, value_name = "FILE", help_heading = "Over HTTP")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The name of a new organization.
#[derive(Debug, Args)]
pub(crate) struct NameArg {
    /// Name for people; need not be unique.
    #[arg(
        long = "name",
        value_name = "NAME",
        required_unless_present = "bare_name"
    )]
    name: Option<String>,
    #[arg(value_name = "NAME", conflicts_with = "name", hide = true)]
    bare_name: Option<String>,
}

impl NameArg {
    pub(crate) fn text(&self) -> &str {
        let given = self.name.as_ref().or(self.bare_name.as_ref());
        given.map_or("", String::as_str)
    }
}

#[derive(Debug, Args)]
pub(crate) struct OrgListArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization whose descendants are listed [default: that of the profile].
    #[arg(long, value_name = "ORG_ID", help_heading = "Over HTTP")]
    pub(crate) org: Option<String>,
    /// Only descendants that match, such as 'name eq "Example Ltd"', 'name co "x"', 'name sw "x"',
    /// 'id eq "…"' or 'parent_org_id eq "…"'.
    #[arg(long, value_name = "FILTER", help_heading = "Over HTTP")]
    pub(crate) filter: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OrgDeleteArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    #[command(flatten)]
    pub(crate) org: OrganizationArg,
    /// How long it can be restored, such as 12h, 30d or 1y [default: 7d].
    #[arg(long, value_name = "TIME", conflicts_with = "now")]
    pub(crate) grace: Option<String>,
    /// Destroy its keys now. This cannot be undone, so the command asks for the organization's
    /// name.
    #[arg(long)]
    pub(crate) now: bool,
    /// With --now, or over HTTP: do not ask. Required where there is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Delete its sub-organizations as well.
    #[arg(long, conflicts_with = "now")]
    pub(crate) suborganizations: bool,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OrgRestoreArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    #[command(flatten)]
    pub(crate) org: OrganizationArg,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OrgSettingsArgs {
    #[command(flatten)]
    pub(crate) vault: VaultArgs,
    #[command(flatten)]
    pub(crate) profile: ProfileArg,
    /// Id of the organization [default: that of the profile].
    #[arg(long, value_name = "ORG_ID")]
    pub(crate) org: Option<String>,
    /// How many former values are kept of each credential, from 0 to 20. With 0, a value that is
    /// replaced is gone, and none can be pending.
    #[arg(
        long,
        value_name = "N",
        value_parser = RangedI64ValueParser::<i64>::new().range(0..=MAX_VERSIONS_KEPT)
    )]
    pub(crate) versions_kept: Option<i64>,
    /// For how many days a deleted credential can be restored, from 0 to 30.
    #[arg(
        long,
        value_name = "N",
        value_parser = RangedI64ValueParser::<i64>::new().range(0..=MAX_RECOVERY_DAYS)
    )]
    pub(crate) recovery_days: Option<i64>,
    /// The longest time until the expiry of a new API key, from 1h to 3650d, such as 90d; `none`
    /// for any.
    #[arg(long, value_name = "TIME")]
    pub(crate) max_key_lifetime: Option<String>,
    #[command(flatten)]
    pub(crate) consistency: ConsistencyArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
