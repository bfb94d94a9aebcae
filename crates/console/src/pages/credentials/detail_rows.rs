//! The rows of the page of one credential.

use chrono::{DateTime, Utc};
use strongroom_domain::VersionInfo;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::StoredEvent;
use strongroom_domain::history::Stage;

use crate::actors::{Actor, Actors};
use crate::event_words;
use crate::listing::{html_len, short};
use crate::times::Moment;

/// A value.
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) is_current: bool,
    pub(super) stage: &'static str,
    pub(super) since: Option<Moment>,
    pub(super) expires: Option<Moment>,
    pub(super) destroyed: Option<Moment>,
}

/// A reader of the current value.
pub(super) struct Reader {
    pub(super) actor: Actor,
    pub(super) at: Moment,
    pub(super) version: Option<i64>,
    pub(super) behind: bool,
}

/// An event.
pub(super) struct Occurrence {
    pub(super) at: Option<Moment>,
    /// Its path.
    pub(super) path: String,
    /// What was done, in words.
    pub(super) action: String,
    pub(super) outcome: String,
    pub(super) is_done: bool,
    pub(super) actor: Actor,
    pub(super) reason: Option<String>,
}

impl Version {
    /// `version`, seen at the time `now`.
    pub(super) fn of(version: &VersionInfo, now: DateTime<Utc>) -> Self {
        let moment = |at| Moment::new(at, now);
        Self {
            number: version.value_version,
            is_current: version.is_current,
            stage: match version.is_current {
                true => "current",
                false => version.stage.map_or("former", Stage::as_str),
            },
            since: version.staged_at.map(moment),
            expires: version.expiry.map(|expiry| moment(expiry.at)),
            destroyed: version.destroyed_at.map(moment),
        }
    }
}

impl Reader {
    /// `reader`, seen at the time `now`.
    pub(super) fn of(
        reader: &strongroom_domain::Reader,
        actors: &Actors,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            actor: actors.actor(&reader.actor),
            at: Moment::new(reader.last_read_at, now),
            version: reader.last_value_version,
            behind: reader.behind,
        }
    }
}

impl Occurrence {
    /// `event` of the trail at the path `trail`, seen at the time `now`.
    pub(super) fn of(
        event: &StoredEvent,
        (actors, trail): (&Actors, &str),
        now: DateTime<Utc>,
    ) -> Self {
        let action = Action::parse(&event.action).map(event_words::action);
        let outcome = Outcome::parse(&event.outcome);
        let outcome_words = outcome.map(event_words::outcome);
        Self {
            at: event.at.time().map(|at| Moment::new(at, now)),
            path: format!("{trail}/events/{}/{}", event.lane, event.seq),
            action: short(action.unwrap_or(&event.action)),
            outcome: short(outcome_words.unwrap_or(&event.outcome)),
            is_done: outcome == Some(Outcome::Ok),
            actor: actors.actor(&event.actor),
            reason: event_words::reason(event).as_deref().map(short),
        }
    }

    /// The bytes of its texts.
    pub(super) fn weight(&self) -> usize {
        let reason = self.reason.as_deref().map_or(0, html_len);
        reason + self.actor.weight() + html_len(&self.action) + html_len(&self.outcome)
    }
}
