//! The form with the settings.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use strongroom_domain::history::MAX_VERSIONS_KEPT;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::rotation::{Rotation, RotationState};
use strongroom_domain::{KEY_LIFETIMES, MAX_RECOVERY_DAYS, OrganizationSettings};
use strongroom_web::form::Form;
use strongroom_web::query::{Params, whole_number};

use crate::error::PageError;
use crate::flash::Flash;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, answer, html, see_other};
use crate::pages::settings::rotation::Shown;
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;

/// Units of the lifetime of keys, in seconds.
const UNITS: [(&str, i64); 3] = [("days", 86_400), ("hours", 3600), ("seconds", 1)];
/// How often the script asks for the progress of rotations. Each time renews the session, and
/// leaves an event, so it ends.
const POLLS: i64 = 60;
/// The most rotations on the page.
const ROTATIONS: usize = 40;

#[derive(Template)]
#[template(path = "settings/form.html")]
struct Page {
    layout: Layout,
    path: String,
    fields: Fields,
    errors: FormErrors,
    rotations: Vec<Shown>,
    is_running: bool,
    /// How often the script asks again; 0 to stop.
    polls: i64,
}

/// The fields as texts.
struct Fields {
    /// Empty for any.
    lifetime: String,
    unit: String,
    versions_kept: String,
    recovery_days: String,
}

/// Shows them.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let mut params = Params::parse(session.request.query_string());
    let polls = params.read("polls", whole_number, || "a whole number".to_owned());
    params.finish()?;
    let settings = session.vault.settings(&session.caller);
    let settings = session.state.with_deadline(settings).await?;
    let page = page(&session, Fields::of(settings), FormErrors::default(), polls).await?;
    answer(&page, &session)
}

/// Changes them, or shows beside each field what is wrong about it.
pub(crate) async fn change(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let fields = Fields::take(&mut posted.form())?;
    let mut errors = FormErrors::default();
    if let Some(settings) = fields.read(&mut errors) {
        let (vault, caller) = (&session.vault, &session.caller);
        let change = vault.change_settings(caller, settings, Level::LocalRegion);
        match session.write(change).await {
            Ok(()) => {
                let path = paths::settings(session.caller.org());
                return Ok(see_other(&path, Some(Flash::SettingsSaved)));
            }
            Err(error) => errors.add_refusal(error)?,
        }
    }
    let page = page(session, fields, errors, Some(0)).await?;
    html(&page, page.errors.status())
}

async fn page(
    session: &Session,
    fields: Fields,
    errors: FormErrors,
    polls: Option<i64>,
) -> Result<Page, PageError> {
    let rotations = session.vault.rotations(&session.caller);
    let rotations = async { Ok(session.state.with_deadline(rotations).await?) };
    let layout = Layout::new(session, Part::Settings, "Settings");
    let (layout, rotations) = try_join(layout, rotations).await?;
    let running = |one: &Rotation| one.progress.state == RotationState::Running;
    let is_running = rotations.iter().any(running);
    let now = session.vault.now();
    Ok(Page {
        layout,
        path: paths::settings(session.caller.org()),
        fields,
        errors,
        rotations: rotations
            .iter()
            .take(ROTATIONS)
            .map(|one| Shown::of(one, now))
            .collect(),
        is_running,
        polls: match is_running {
            true => polls.unwrap_or(POLLS).clamp(0, POLLS),
            false => 0,
        },
    })
}

impl Page {
    fn kept_hint(&self) -> String {
        format!(
            "From 0 to {MAX_VERSIONS_KEPT}. With 0, a value that is replaced is gone, and none can \
             be pending."
        )
    }

    fn days_hint(&self) -> String {
        format!("From 0 to {MAX_RECOVERY_DAYS}")
    }
}

impl Fields {
    fn of(settings: OrganizationSettings) -> Self {
        let (unit, lifetime) = match settings.max_key_lifetime {
            None => (UNITS[0].0, String::new()),
            Some(seconds) => {
                let whole = UNITS.iter().find(|(_, unit)| seconds % unit == 0);
                let (unit, length) = whole.copied().unwrap_or(UNITS[2]);
                (unit, (seconds / length).to_string())
            }
        };
        Self {
            lifetime,
            unit: unit.to_owned(),
            versions_kept: settings.versions_kept.to_string(),
            recovery_days: settings.recovery_days.to_string(),
        }
    }

    fn take(form: &mut Form<'_>) -> Result<Self, PageError> {
        let mut take = |name: &str| -> Result<String, PageError> {
            let text = form.take(name)?;
            Ok(text.unwrap_or_default().trim().to_owned())
        };
        Ok(Self {
            lifetime: take("max_key_lifetime")?,
            unit: take("unit")?,
            versions_kept: take("versions_kept")?,
            recovery_days: take("recovery_days")?,
        })
    }

    /// The settings; `None` if something is wrong with the fields, which `errors` then contains.
    fn read(&self, errors: &mut FormErrors) -> Option<OrganizationSettings> {
        let mut whole = |name: &str, text: &str, most: i64| {
            let number = whole_number(text).filter(|number| (0..=most).contains(number));
            let range = || format!("must be a whole number from 0 to {most}");
            errors.check(name, number.ok_or_else(range))
        };
        let versions_kept = whole("versions_kept", &self.versions_kept, MAX_VERSIONS_KEPT);
        let recovery_days = whole("recovery_days", &self.recovery_days, MAX_RECOVERY_DAYS);
        let lifetime = match self.lifetime.is_empty() {
            true => Ok(None),
            false => self.seconds().map(Some).ok_or_else(|| {
                let message = "must be empty, or from 1 hour to 3650 days";
                message.to_owned()
            }),
        };
        Some(OrganizationSettings {
            max_key_lifetime: errors.check("max_key_lifetime", lifetime)?,
            versions_kept: versions_kept?,
            recovery_days: recovery_days?,
        })
    }

    fn seconds(&self) -> Option<i64> {
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == self.unit)?;
        let seconds = whole_number(&self.lifetime)?.checked_mul(*unit)?;
        KEY_LIFETIMES.contains(&seconds).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(max_key_lifetime: Option<i64>) -> OrganizationSettings {
        OrganizationSettings {
            max_key_lifetime,
            versions_kept: 3,
            recovery_days: 7,
        }
    }

    #[test]
    fn settings_are_shown_in_the_largest_unit_and_read_back() {
        for (lifetime, text, unit) in [
            (None, "", "days"),
            (Some(7_776_000), "90", "days"),
            (Some(7200), "2", "hours"),
            (Some(5000), "5000", "seconds"),
        ] {
            let fields = Fields::of(settings(lifetime));
            assert_eq!(
                (fields.lifetime.as_str(), fields.unit.as_str()),
                (text, unit)
            );
            let mut errors = FormErrors::default();
            assert_eq!(fields.read(&mut errors), Some(settings(lifetime)));
        }
    }

    #[test]
    fn each_wrong_field_is_named() {
        let fields = |lifetime: &str, kept: &str| Fields {
            lifetime: lifetime.into(),
            unit: "hours".into(),
            versions_kept: kept.into(),
            recovery_days: "31".into(),
        };
        let mut errors = FormErrors::default();
        assert_eq!(fields("0", "+1").read(&mut errors), None);
        let names: Vec<_> = errors
            .all()
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        let expected = ["versions_kept", "recovery_days", "max_key_lifetime"];
        assert_eq!(names, expected);
        assert!(fields("99999999999999999", "0").seconds().is_none());
    }
}
