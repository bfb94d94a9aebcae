//! A write on its way through a batch.

use std::borrow::Cow;

use strongroom_domain::OrgId;
use strongroom_domain::audit::event::Event;
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

    pub(crate) fn has_written(&self) -> bool {
        self.result.is_ok() && self.earlier.is_none()
    }

    pub(crate) fn org(&self) -> OrgId {
        self.write.scope.org()
    }
}
