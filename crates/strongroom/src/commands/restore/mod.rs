//! `strongroom restore`.

mod error;
mod input;
mod report;
mod rules;
mod undo;

use std::sync::Arc;

use strongroom_domain::backup::rules::{OrganizationPlan, RestoreRules};
use strongroom_domain::crypto::OsRandom;
use strongroom_domain::ports::backup::RestoreTarget as _;
use strongroom_domain::ports::keys::RootKeyStore as _;
use strongroom_domain::{RestorePass, SystemClock, TargetKeys};
use strongroom_storage::{Database, PgRestoreTarget};

use self::error::install_error;
use self::input::Input;
use self::rules::rules;
use super::backup::age_file;
use super::backup::shared::STATEMENT_TIMEOUT;
use crate::cli::RestoreArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::settings::root_key::RootKeyConfig;
use crate::{callers, open_vault};

/// `strongroom restore`.
///
/// Everything is checked and compared before the first write: the file, its keys and the keys of
/// the database.
pub(super) async fn run(args: &RestoreArgs) -> Result<(), CommandError> {
    let only = args.org.as_deref().map(callers::operator).transpose()?;
    let only = only.map(|caller| caller.org());
    let identities = age_file::identities(&args.identity)?;
    let sources = RootKeyConfig::read(&args.vault)?.load()?;
    let database = if args.verify_only {
        None
    } else {
        Some(database(args).await?)
    };
    let mut input = Input::open(args, identities)?;
    let backup = input.header(&sources)?;
    let pass = RestorePass::new(&backup, only, rules(args));
    let Some(database) = database else {
        let plans = input.read(pass).await?;
        return report::print(args, &backup, &require_org(args, plans)?, "verified");
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let keys = TargetKeys::check(&database, &sources, &backup).await?;
    let (chain, target) = (backup.chain(), database.clone());
    chain.write_format(database.record_format().await?);
    let target = PgRestoreTarget::new(target, chain, clock.clone(), random.clone());
    check_rights(&target).await?;
    let pass = pass.comparing(&target, &keys, &*random);
    if args.undo {
        let selected = undo::selected(args)?;
        let plans = require_org(args, input.read(pass.undoing(&selected)).await?)?;
        return undo::run(args, &backup, &plans, &selected).await;
    }
    let plans = require_org(args, input.read(pass).await?)?;
    if args.dry_run {
        return report::print(args, &backup, &plans, "would restore");
    }
    if keys.empty {
        let installed = target.install(&backup.header).await;
        installed.map_err(install_error)?;
    }
    if plans.iter().any(|plan| has_writes(plan, rules(args))) {
        open_vault::create_audit_partitions(&database).await;
        let pass = RestorePass::new(&backup, only, rules(args)).comparing(&target, &keys, &*random);
        let pass = pass.applying(&plans, callers::command_line(), &*clock);
        input.quiet = true;
        input.read(pass).await?;
    }
    report::print(args, &backup, &plans, "restored")
}

fn has_writes(plan: &OrganizationPlan, rules: RestoreRules) -> bool {
    plan.refused.is_none() && plan.writes(rules) > 0
}

async fn database(args: &RestoreArgs) -> Result<Database, CommandError> {
    let mut access = VaultAccess::read(&args.vault)?;
    access.database.statement_timeout = STATEMENT_TIMEOUT;
    let database = Database::new(&access.database)?;
    open_vault::require_migrated(&database).await?;
    Ok(database)
}

async fn check_rights(target: &PgRestoreTarget) -> Result<(), CommandError> {
    let lacking = target.lacking_rights().await?;
    if lacking.is_empty() {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "this database role may not write to {}; connect as the owner, the role that ran \
         `strongroom migrate`",
        lacking.join(", ")
    )))
}

fn require_org(
    args: &RestoreArgs,
    plans: Vec<OrganizationPlan>,
) -> Result<Vec<OrganizationPlan>, CommandError> {
    match &args.org {
        Some(org) if plans.is_empty() => Err(CommandError::Failed(format!(
            "the backup has no organization with id {org}"
        ))),
        _ => Ok(plans),
    }
}
