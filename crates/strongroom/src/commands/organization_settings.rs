use serde_json::{Map, Value};
use strongroom_domain::replication::Level;
use strongroom_domain::{Clock, KEY_LIFETIMES, OrganizationSettings, SystemClock};

use super::caller::organization_settings;
use super::caller::session::{Way, open, operators_org, refuse_for_operator, way};
use super::time::Span;
use crate::cli::OrgSettingsArgs;
use crate::error::CommandError;
use crate::{callers, output};

/// `strongroom org settings`.
pub(super) async fn run(args: &OrgSettingsArgs) -> Result<(), CommandError> {
    let change = Change::of(args)?;
    let settings = match way(&args.profile, &args.vault)? {
        Way::Http(profile) => organization_settings::run(args, &change.members(), &profile)?,
        Way::Operator => change_as_operator(args, &change).await?,
    };
    output::answer(args.json, &settings, &shown(&settings));
    Ok(())
}

async fn change_as_operator(
    args: &OrgSettingsArgs,
    change: &Change,
) -> Result<OrganizationSettings, CommandError> {
    refuse_for_operator(&args.consistency.flags())?;
    let caller = callers::operator(operators_org(args.org.as_deref())?)?;
    let vault = open(&args.vault).await?;
    let mut organizations = vault.organizations().await?.into_iter();
    if !organizations.any(|one| one.id == caller.org()) {
        return Err(CommandError::not_found("organization", caller.org()));
    }
    if !change.is_empty() {
        let settings = change.applied_to(vault.settings(&caller).await?);
        let changed = vault.change_settings(&caller, settings, Level::LocalRegion);
        changed.await?.without_waiting();
    }
    Ok(vault.settings(&caller).await?)
}

/// The settings that are changed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    versions_kept: Option<i64>,
    recovery_days: Option<i64>,
    /// `Some(None)` removes the limit.
    max_key_lifetime: Option<Option<i64>>,
}

impl Change {
    fn of(args: &OrgSettingsArgs) -> Result<Self, CommandError> {
        let lifetime = args.max_key_lifetime.as_deref();
        Ok(Self {
            versions_kept: args.versions_kept,
            recovery_days: args.recovery_days,
            max_key_lifetime: lifetime.map(parse_lifetime).transpose()?,
        })
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The members of the request's body.
    fn members(&self) -> Map<String, Value> {
        let members = [
            ("versions_kept", self.versions_kept.map(Value::from)),
            ("recovery_days", self.recovery_days.map(Value::from)),
            ("max_key_lifetime", self.max_key_lifetime.map(Value::from)),
        ];
        let given = members.into_iter();
        let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.collect()
    }

    fn applied_to(&self, current: OrganizationSettings) -> OrganizationSettings {
        OrganizationSettings {
            max_key_lifetime: self.max_key_lifetime.unwrap_or(current.max_key_lifetime),
            versions_kept: self.versions_kept.unwrap_or(current.versions_kept),
            recovery_days: self.recovery_days.unwrap_or(current.recovery_days),
        }
    }
}

/// The seconds of `--max-key-lifetime`; `None` for any lifetime.
fn parse_lifetime(text: &str) -> Result<Option<i64>, CommandError> {
    if text == "none" {
        return Ok(None);
    }
    let now = SystemClock.now();
    let end = Span::parse(text).and_then(|span| span.after(now));
    let seconds = end.map(|end| (end - now).num_seconds());
    let seconds = seconds.filter(|seconds| KEY_LIFETIMES.contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        let problem = "--max-key-lifetime must be a duration from 1h to 3650d, such as 90d, or \
                       none";
        CommandError::Usage(problem.into())
    })
}

fn shown(settings: &OrganizationSettings) -> String {
    let lifetime = settings.max_key_lifetime;
    let lifetime = lifetime.map_or_else(|| "none".to_owned(), |seconds| format!("{seconds}s"));
    format!(
        "versions_kept {}\nrecovery_days {}\nmax_key_lifetime {lifetime}",
        settings.versions_kept, settings.recovery_days
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_given_settings_are_sent() {
        let lifetime = |text| Change {
            max_key_lifetime: Some(parse_lifetime(text).unwrap()),
            ..Change::default()
        };
        let sent = |change: &Change| Value::from(change.members()).to_string();
        assert_eq!(sent(&lifetime("30d")), r#"{"max_key_lifetime":2592000}"#);
        assert_eq!(sent(&lifetime("none")), r#"{"max_key_lifetime":null}"#);
        assert_eq!(sent(&Change::default()), "{}");
        for bad in ["", "59m", "3651d", "soon"] {
            assert!(parse_lifetime(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_that_are_not_given_stay() {
        let change = Change {
            versions_kept: Some(2),
            ..Change::default()
        };
        let current = OrganizationSettings {
            max_key_lifetime: Some(3600),
            versions_kept: 0,
            recovery_days: 7,
        };
        let text = "versions_kept 2\nrecovery_days 7\nmax_key_lifetime 3600s";
        assert_eq!(shown(&change.applied_to(current)), text);
    }
}
