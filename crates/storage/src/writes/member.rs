//! A write on its way through a batch.

use std::borrow::Cow;

use strongroom_domain::OrgId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::audit::format::EventFormat;
use strongroom_domain::idempotency::EarlierRequest;
use strongroom_domain::ports::error::StoreResult;

use crate::writes::write::Write;

/// A write on its way through a batch.
pub(crate) struct Member<'a> {
    pub(crate) write: &'a Write,
    /// The event to record, completed with the version and digest of the row.
    pub(crate) event: Cow<'a, Event>,
    pub(crate) result: StoreResult<()>,
    /// The result of the earlier request that this one repeats.
    pub(crate) earlier: Option<EarlierRequest>,
}

impl<'a> Member<'a> {
    pub(super) fn new(write: &'a Write) -> Self {
        Self {
            write,
            event: Cow::Borrowed(&write.event),
            result: Ok(()),
            earlier: None,
        }
    }

    /// The event to record in `format`, which has no event for a repeated request if it is the
    /// first one.
    pub(crate) fn recorded(&self, format: EventFormat) -> Option<Cow<'a, Event>> {
        match (&self.result, self.earlier) {
            (Err(_), _) => None,
            (Ok(()), None) => Some(self.event.clone()),
            (Ok(()), Some(_)) if format == EventFormat::First => None,
            (Ok(()), Some(earlier)) => {
                let event = self.write.event.clone();
                Some(Cow::Owned(event.of_repetition(earlier.credential)))
            }
        }
    }

    pub(crate) fn has_written(&self) -> bool {
        self.result.is_ok() && self.earlier.is_none()
    }

    pub(crate) fn org(&self) -> OrgId {
        self.write.scope.org()
    }
}
