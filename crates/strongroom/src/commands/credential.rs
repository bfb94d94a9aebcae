use chrono::{DateTime, Utc};
use strongroom_domain::{Clock, SystemClock};

use super::caller::session::{Way, open, operators_org, refuse_for_operator, way};
use super::caller::{
    adoption, create_credential, delete_credentials, destroy_version, edit_credential,
    get_credential, list_credentials, list_versions, promote_version, restore_credential,
    test_relay_policy,
};
use super::listed_credential::{ListedCredential, table};
use super::time::Span;
use crate::cli::{CredentialCommand, ListCredentialsArgs};
use crate::error::CommandError;
use crate::{callers, output};

/// `strongroom credential …`.
pub(super) async fn run(command: CredentialCommand) -> Result<(), CommandError> {
    match command {
        CredentialCommand::Create(args) => create_credential::run(&args),
        CredentialCommand::List(args) => list(&args).await,
        CredentialCommand::Get(args) => get_credential::run(&args),
        CredentialCommand::Edit(args) => edit_credential::run(&args).await,
        CredentialCommand::Delete(args) => delete_credentials::run(&args),
        CredentialCommand::Restore(args) => restore_credential::run(&args),
        CredentialCommand::Versions(args) => list_versions::run(&args),
        CredentialCommand::Promote(args) => promote_version::run(&args),
        CredentialCommand::Destroy(args) => destroy_version::run(&args),
        CredentialCommand::Adoption(args) => adoption::run(&args),
        CredentialCommand::RelayTest(args) => test_relay_policy::run(&args),
    }
}

async fn list(args: &ListCredentialsArgs) -> Result<(), CommandError> {
    let unused_since = args.unused_since.as_deref().map(time_before).transpose()?;
    let expires_before = args
        .expiring_within
        .as_deref()
        .map(time_after)
        .transpose()?;
    let mut listed = match way(&args.caller.profile, &args.vault)? {
        Way::Http(name) => list_credentials::fetch(args, expires_before, &name)?,
        Way::Operator => inspect(args).await?,
    };
    if let Some(since) = unused_since {
        listed.retain(|item| item.is_stale(since));
    }
    if let Some(end) = expires_before {
        listed.retain(|item| item.expires_before(end));
    }
    output::answer(args.caller.json, &listed, &table(&listed, args.deleted));
    Ok(())
}

/// The operator's inventory.
async fn inspect(args: &ListCredentialsArgs) -> Result<Vec<ListedCredential>, CommandError> {
    refuse_for_operator(&[
        ("--label-contains", args.label_contains.is_some()),
        ("--sort", args.sort.is_some()),
        ("--deleted", args.deleted),
    ])?;
    let org = operators_org(args.caller.org.as_deref())?;
    let caller = callers::operator(org)?;
    let vault = open(&args.vault).await?;
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = vault.inspect_credentials(&caller, after).await;
        let page = page.map_err(|error| CommandError::about(error, "organization", org))?;
        listed.extend(page.items.iter().map(ListedCredential::of));
        after = page.next.map(|last| last.id);
        if after.is_none() {
            break;
        }
    }
    listed.retain(|item| {
        args.provider
            .is_none_or(|one| one.as_str() == item.extcred_provider)
            && args
                .kind
                .is_none_or(|one| one.as_str() == item.extcred_type)
            && args
                .label
                .as_ref()
                .is_none_or(|one| *one == item.extcred_label)
    });
    Ok(listed)
}

fn time_after(span: &str) -> Result<DateTime<Utc>, CommandError> {
    let span = Span::parse(span);
    let end = span.and_then(|span| span.after(SystemClock.now()));
    end.ok_or_else(|| {
        CommandError::Usage("--expiring-within must be a duration, such as 30d, 12h or 1y".into())
    })
}

fn time_before(span: &str) -> Result<DateTime<Utc>, CommandError> {
    let span = Span::parse(span);
    let since = span.and_then(|span| span.before(SystemClock.now()));
    since.ok_or_else(|| {
        CommandError::Usage("--unused-since must be a duration, such as 90d, 12h or 1y".into())
    })
}
