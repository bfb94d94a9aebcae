//! What the form above the events says.

use std::fmt::Write;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::{AuditFilter, EventPosition, StoredTime, parse_actor};
use strongroom_domain::daily_totals::{end_of, start_of};
use strongroom_domain::expiry::YEARS;
use strongroom_domain::{CredentialId, LaneId};
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::form_errors::FormErrors;

/// What the form says, as it was sent, and what is wrong with it.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) action: Field,
    pub(super) outcome: Field,
    pub(super) actor: Field,
    pub(super) credential: Field,
    pub(super) since: Field,
    pub(super) until: Field,
    pub(super) errors: FormErrors,
    /// Where the page begins.
    pub(super) after: Option<EventPosition>,
    /// What it selects.
    pub(super) selected: AuditFilter,
}

/// A field of the form, as it was sent.
#[derive(Default)]
pub(super) struct Field {
    pub(super) text: String,
}

impl Field {
    fn take(params: &mut Params, name: &str) -> Self {
        Self {
            text: params.take(name).unwrap_or_default().trim().to_owned(),
        }
    }
}

impl Filter {
    /// Reads a query.
    ///
    /// # Errors
    /// 400 if it has a parameter that the form does not have, and 404 for an unknown page.
    pub(super) fn parse(query: &str) -> Result<Self, PageError> {
        let mut params = Params::parse(query);
        let after = params.take("after");
        let mut filter = Self {
            action: Field::take(&mut params, "action"),
            outcome: Field::take(&mut params, "outcome"),
            actor: Field::take(&mut params, "actor"),
            credential: Field::take(&mut params, "credential"),
            since: Field::take(&mut params, "since"),
            until: Field::take(&mut params, "until"),
            ..Self::default()
        };
        params.finish()?;
        if let Some(after) = after {
            filter.after = Some(parse_position(&after).ok_or_else(PageError::unknown_path)?);
        }
        filter.selected = filter.selection();
        Ok(filter)
    }

    fn selection(&mut self) -> AuditFilter {
        let day = "a day, such as 2027-01-31";
        let id = "the id of a credential, a UUID";
        let actor = "the id of an API key or client, operator or anonymous";
        let errors = &mut self.errors;
        let selected = AuditFilter {
            since: read(errors, ("since", &self.since), first, day),
            until: read(errors, ("until", &self.until), last, day),
            actor: read(errors, ("actor", &self.actor), parse_actor, actor),
            credential: read(
                errors,
                ("credential", &self.credential),
                CredentialId::parse,
                id,
            ),
            action: read(
                errors,
                ("action", &self.action),
                Action::parse,
                "one of the actions",
            ),
            outcome: read(
                errors,
                ("outcome", &self.outcome),
                Outcome::parse,
                "one of the outcomes",
            ),
            without: None,
        };
        let days = selected.since.zip(selected.until);
        if days.is_some_and(|(since, until)| since >= until) {
            errors.add("until", "must not be before the first day");
        }
        selected
    }

    /// Whether a field is wrong.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether it selects all events, from the newest on.
    pub(super) fn is_empty(&self) -> bool {
        self.query().is_empty() && self.after.is_none()
    }

    /// As the beginning of a query, without the page.
    pub(super) fn query(&self) -> String {
        let mut query = String::new();
        for (name, field) in self.fields() {
            if !field.text.is_empty() {
                let value = utf8_percent_encode(&field.text, NON_ALPHANUMERIC);
                let _ = write!(query, "{name}={value}&");
            }
        }
        query
    }

    fn fields(&self) -> [(&'static str, &Field); 6] {
        [
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("actor", &self.actor),
            ("credential", &self.credential),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

/// The value of a field; `None` if it is empty or wrong, which `errors` then say.
fn read<T>(
    errors: &mut FormErrors,
    (name, field): (&str, &Field),
    parse: impl Fn(&str) -> Option<T>,
    must_be: &str,
) -> Option<T> {
    if field.text.is_empty() {
        return None;
    }
    let value = parse(&field.text);
    errors.check(name, value.ok_or_else(|| format!("must be {must_be}")))
}

fn day(text: &str) -> Option<NaiveDate> {
    let day: NaiveDate = text.parse().ok()?;
    YEARS.contains(&day.year()).then_some(day)
}

fn first(text: &str) -> Option<DateTime<Utc>> {
    day(text).map(start_of)
}

fn last(text: &str) -> Option<DateTime<Utc>> {
    day(text).and_then(end_of)
}

/// A position in a query.
pub(super) fn position_text(position: EventPosition) -> String {
    let EventPosition { at, lane, seq } = position;
    format!("{}.{lane}.{seq}", at.0)
}

fn parse_position(text: &str) -> Option<EventPosition> {
    let (at, rest) = text.split_once('.')?;
    let (lane, seq) = rest.split_once('.')?;
    Some(EventPosition {
        at: StoredTime(at.parse().ok()?),
        lane: LaneId::parse(lane)?,
        seq: seq.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_included() {
        let filter = Filter::parse("since=2026-11-24&until=2026-11-24&action=").unwrap();
        let range = (filter.selected.since, filter.selected.until);
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let day = (at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z"));
        assert_eq!(range, day);
        assert!(!filter.has_errors());
        assert_eq!(filter.query(), "since=2026%2D11%2D24&until=2026%2D11%2D24&");
    }

    #[test]
    fn wrong_fields_say_what_they_must_be() {
        let filter = Filter::parse("since=x&until=2026-13-01&actor=%3Cb%3E&outcome=ok").unwrap();
        let wrong = filter.errors.all().iter();
        let wrong: Vec<_> = wrong.map(|error| error.field.as_str()).collect();
        assert_eq!(wrong, ["since", "until", "actor"]);
        let backwards = Filter::parse("since=2026-11-24&until=2026-11-23").unwrap();
        assert!(backwards.errors.of("until").is_some());
        assert!(Filter::parse("after=1.2.3").is_err() && Filter::parse("x=1").is_err());
    }

    #[test]
    fn positions_are_read_back() {
        let position = EventPosition {
            at: StoredTime(1_700_000_000_000_001),
            lane: LaneId::parse("01a1fffb-30c9-754c-b43c-5621c56b928c").unwrap(),
            seq: 3,
        };
        let query = format!("after={}", position_text(position));
        assert_eq!(Filter::parse(&query).unwrap().after, Some(position));
    }
}
