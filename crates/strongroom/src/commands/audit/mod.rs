//! `strongroom audit …`: one file per subcommand.

mod export;
mod head;
mod lines;
mod prune;
mod verify;

use chrono::{DateTime, NaiveDate, Utc};
use strongroom_domain::Vault;
use strongroom_domain::caller::Caller;

use crate::cli::AuditCommand;
use crate::error::CommandError;
use crate::vault_access;

/// `strongroom audit …`.
pub(super) async fn run(command: AuditCommand) -> Result<(), CommandError> {
    match command {
        AuditCommand::Verify(args) => verify::run(&args).await,
        AuditCommand::Head(args) => head::run(&args).await,
        AuditCommand::Export(args) => export::run(&args).await,
        AuditCommand::Prune(args) => prune::run(&args).await,
    }
}

/// The operator in the organization `org`, or in every one. An organization that is gone still counts while it
/// has a trail.
async fn operators(vault: &Vault, org: Option<&str>) -> Result<Vec<Caller>, CommandError> {
    let listed = vault.organizations().await?;
    let Some(org) = org else {
        let operator = |id| Caller::operator(id, vault_access::command_line());
        return Ok(listed.iter().map(|org| operator(org.id)).collect());
    };
    let caller = vault_access::operator(org)?;
    let is_listed = listed.iter().any(|listed| listed.id == caller.org());
    if !is_listed && vault.audit_heads(&caller).await?.heads.is_empty() {
        return Err(CommandError::Failed(format!(
            "there is no organization with id {org}"
        )));
    }
    Ok(vec![caller])
}

/// A time, or a date that stands for its first moment in UTC.
fn time(flag: &str, text: &str) -> Result<DateTime<Utc>, CommandError> {
    parse_time(text).ok_or_else(|| {
        CommandError::Failed(format!(
            "--{flag} must be a date (2027-01-31) or a time (2027-01-31T12:00:00Z)"
        ))
    })
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

/// `1 event`, `2 events`.
fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_has_an_offset() {
        let shown = |text| parse_time(text).map(|time| time.to_rfc3339());
        assert_eq!(
            shown("2027-01-31").as_deref(),
            Some("2027-01-31T00:00:00+00:00")
        );
        assert_eq!(
            shown("2027-01-31T12:00:00+02:00").as_deref(),
            Some("2027-01-31T10:00:00+00:00")
        );
        for bad in ["", "yesterday", "2027-02-30", "2027-01-31T12:00:00"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
