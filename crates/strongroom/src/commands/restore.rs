use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use strongroom_domain::OpenedBackup;
use strongroom_domain::RestoreError;
use strongroom_domain::RestoreObserver;
use strongroom_domain::RestorePass;
use strongroom_domain::TargetKeys;
use strongroom_domain::backup::finding::BackupFinding;
use strongroom_domain::backup::rules::{OrganizationPlan, RestoreRules};
use strongroom_domain::crypto::OsRandom;
use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_domain::ports::backup::RestoreTarget;
use strongroom_domain::ports::error::StoreError;
use strongroom_domain::{OrgId, SystemClock};
use strongroom_storage::{
    Database, PgRestoreTarget, SCHEMA_VERSION, ensure_audit_partitions, pending_migrations,
};

use super::backup::{PATIENCE, is_stream, tell};
use crate::age_file::{self, Lines};
use crate::cli::RestoreArgs;
use crate::error::CommandError;
use crate::settings::access::VaultAccess;
use crate::settings::root_key::RootKeyConfig;
use crate::{output, vault_access};

type Identities = Vec<Box<dyn age::Identity + Send + Sync>>;

/// `strongroom restore`.
///
/// The order keeps anything from being written that is not known to be right: the file, its keys and the database's are
/// checked, and all is compared, before the first write.
pub(super) async fn run(args: &RestoreArgs) -> Result<(), CommandError> {
    let only = args
        .org
        .as_deref()
        .map(vault_access::operator)
        .transpose()?;
    let only = only.map(|caller| caller.org());
    let identities = age_file::identities(&args.identity)?;
    let sources = RootKeyConfig::read(&args.vault)?.load()?;
    let database = if args.verify_only {
        None
    } else {
        Some(database(args).await?)
    };
    let mut reading = Reading::open(args, identities)?;
    let backup = reading.header(&sources)?;
    let pass = RestorePass::new(&backup, only, rules(args));
    let Some(database) = database else {
        let plans = reading.all(pass).await?;
        return answer(args, &backup, &named(args, plans)?, "verified");
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let keys = TargetKeys::check(&database, &sources, &backup).await?;
    let (chain, target) = (backup.chain(), database.clone());
    let target = PgRestoreTarget::new(target, chain, clock.clone(), random.clone());
    check_rights(&target).await?;
    let plans = reading
        .all(pass.comparing(&target, &keys, &*random))
        .await?;
    let plans = named(args, plans)?;
    if args.dry_run {
        return answer(args, &backup, &plans, "would restore");
    }
    if keys.empty {
        target.install(&backup.header).await.map_err(installing)?;
    }
    if plans.iter().any(|plan| is_work(plan, rules(args))) {
        // Before the first event, which would else find no partition.
        if let Err(error) = ensure_audit_partitions(&database).await {
            tracing::warn!(%error, "audit partitions could not be made ahead of time");
        }
        let pass = RestorePass::new(&backup, only, rules(args)).comparing(&target, &keys, &*random);
        let pass = pass.applying(&plans, vault_access::command_line(), &*clock);
        reading.quiet = true;
        reading.all(pass).await?;
    }
    answer(args, &backup, &plans, "restored")
}

fn rules(args: &RestoreArgs) -> RestoreRules {
    RestoreRules {
        keep_newer: args.keep_newer,
        replace: args.replace,
        despite_findings: args.despite_findings,
    }
}

fn is_work(plan: &OrganizationPlan, rules: RestoreRules) -> bool {
    plan.refused.is_none() && plan.writes(rules) > 0
}

async fn database(args: &RestoreArgs) -> Result<Database, CommandError> {
    let mut access = VaultAccess::read(&args.vault)?;
    access.database.statement_timeout = PATIENCE;
    let database = Database::new(&access.database)?;
    let pending = pending_migrations(&database).await?;
    if pending > 0 {
        return Err(CommandError::Failed(vault_access::missing_migrations(
            pending,
        )));
    }
    Ok(database)
}

async fn check_rights(target: &PgRestoreTarget) -> Result<(), CommandError> {
    let lacking = target.lacking_rights().await?;
    if lacking.is_empty() {
        return Ok(());
    }
    Err(CommandError::Failed(format!(
        "this database role may not write to {}: connect as the role that ran `strongroom migrate`",
        lacking.join(", ")
    )))
}

fn installing(error: StoreError) -> CommandError {
    match error {
        StoreError::Conflict => CommandError::Failed(
            "somebody else began to use the database meanwhile, and nothing was restored; run the same command again"
                .into(),
        ),
        other => other.into(),
    }
}

fn named(
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

impl From<RestoreError> for CommandError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Store(StoreError::Conflict) => Self::Failed(
                "a row of an organization was made by somebody else meanwhile, or its id or user is taken by another \
                 row; nothing of that organization was restored. Run the same command again"
                    .into(),
            ),
            RestoreError::Store(StoreError::RetiredKey) => Self::Failed(
                "a key was replaced meanwhile, and nothing of that organization was restored; run the same command \
                 again"
                    .into(),
            ),
            RestoreError::Store(error) => error.into(),
            RestoreError::Vault(error) => error.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// The file, and who watches its reading.
struct Reading {
    file: File,
    identities: Identities,
    bar: ProgressBar,
    findings: u64,
    quiet: bool,
}

impl Reading {
    fn open(args: &RestoreArgs, identities: Identities) -> Result<Self, CommandError> {
        let file = open(&args.input)?;
        Ok(Self {
            bar: progress(&file)?,
            file,
            identities,
            findings: 0,
            quiet: false,
        })
    }

    fn header(&self, sources: &RootKeySources) -> Result<OpenedBackup, CommandError> {
        let mut lines = Lines::open(&self.file, &self.identities, &self.bar)?;
        let first = lines.next()?;
        let first = first.ok_or_else(|| RestoreError::Damaged("it is empty".into()))?;
        Ok(OpenedBackup::open(first, SCHEMA_VERSION, sources)?)
    }

    /// Reads all of it through `pass`.
    async fn all(
        &mut self,
        mut pass: RestorePass<'_>,
    ) -> Result<Vec<OrganizationPlan>, CommandError> {
        let mut lines = Lines::open(&self.file, &self.identities, &self.bar)?;
        lines.next()?;
        while let Some(line) = lines.next()? {
            pass.line(line, self).await?;
        }
        self.bar.finish_and_clear();
        Ok(pass.finish()?)
    }
}

impl RestoreObserver for Reading {
    fn found(&mut self, finding: &BackupFinding) {
        if !self.quiet {
            tell(&self.bar, &mut self.findings, finding);
        }
    }
}

// Standard input cannot be read twice. What is kept of it is encrypted, and has no name.
fn open(input: &Path) -> Result<File, CommandError> {
    if !is_stream(input) {
        let what = format!("cannot read {}", input.display());
        return File::open(input).map_err(|error| CommandError::io(&what, &error));
    }
    let what = "cannot keep standard input in a temporary file";
    let kept = tempfile::tempfile().and_then(|mut file| {
        std::io::copy(&mut std::io::stdin().lock(), &mut file)?;
        Ok(file)
    });
    kept.map_err(|error| CommandError::io(what, &error))
}

fn progress(file: &File) -> Result<ProgressBar, CommandError> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let length = file.metadata().map_or(0, |data| data.len());
    let style = "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    Ok(bar.with_style(style))
}

fn answer(
    args: &RestoreArgs,
    backup: &OpenedBackup,
    plans: &[OrganizationPlan],
    done: &str,
) -> Result<(), CommandError> {
    let value = json!({
        "created_at": backup.created_at(),
        "only_organization": backup.scope().map(|OrgId(id)| id),
        "dry_run": args.dry_run,
        "verify_only": args.verify_only,
        "organizations": plans,
    });
    let lines: Vec<String> = plans
        .iter()
        .map(|plan| described(args, plan, done))
        .collect();
    let text = if lines.is_empty() {
        "the backup has no organization".to_owned()
    } else {
        lines.join("\n")
    };
    output::answer(args.json, &value, &text);
    let refused = plans.iter().filter(|plan| plan.refused.is_some()).count();
    match refused {
        0 => Ok(()),
        _ if args.verify_only => Err(CommandError::Failed(format!(
            "{refused} organization(s) in the backup do not verify"
        ))),
        _ => Err(CommandError::Failed(format!(
            "{refused} organization(s) left as they are in the database"
        ))),
    }
}

fn described(args: &RestoreArgs, plan: &OrganizationPlan, done: &str) -> String {
    let (id, credentials, events) = (plan.org_id, plan.credentials, plan.audit_events);
    if args.verify_only {
        return match plan.findings {
            0 => format!("organization {id}: verified"),
            findings => format!("organization {id}: {findings} row(s) do not verify"),
        };
    }
    if let Some(why) = &plan.refused {
        return format!("organization {id}: left as it is: {why}");
    }
    if plan.writes(rules(args)) == 0 {
        return format!(
            "organization {id}: nothing to restore, {} credential(s) and {} audit event(s) are there",
            credentials.same + credentials.newer,
            events.same
        );
    }
    let new = if plan.exists {
        ""
    } else {
        ", which is not there yet"
    };
    let replaced = if args.replace && credentials.differ > 0 {
        format!(", {} in the place of others", credentials.differ)
    } else {
        String::new()
    };
    format!(
        "organization {id}{new}: {done} {} credential(s){replaced}, {} API key(s), {} audit event(s); there already: {} \
         credential(s), {} audit event(s); left newer: {}",
        credentials.insert,
        plan.api_keys.insert,
        events.insert,
        credentials.same,
        events.same,
        credentials.newer
    )
}
