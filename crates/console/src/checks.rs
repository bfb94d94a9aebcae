//! The last check of its kind, as pages show it.

use chrono::{DateTime, Utc};
use strongroom_domain::overview::LastCheck;

use crate::times::Moment;

/// The last check of its kind.
pub(crate) struct Check {
    pub(crate) at: Option<Moment>,
    /// The result.
    pub(crate) text: &'static str,
    pub(crate) is_bad: bool,
}

impl Check {
    /// `check`, seen at the time `now`.
    pub(crate) fn of(check: LastCheck, now: DateTime<Utc>) -> Self {
        let (at, text, is_bad) = match check {
            LastCheck::NotKnown => (None, "not checked yet", false),
            LastCheck::Altered => (None, "the stored result was altered", true),
            LastCheck::Ended { at, clean: true } => (Some(at), "nothing was altered", false),
            LastCheck::Ended { at, clean: false } => (Some(at), "there are findings", true),
        };
        Self {
            at: at.map(|at| Moment::new(at, now)),
            text,
            is_bad,
        }
    }
}
