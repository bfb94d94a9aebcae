//! A write on its way through a batch.

use std::borrow::Cow;

use strongroom_domain::OrgId;
use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::entity_tag::EntityTag;
use strongroom_domain::idempotency::EarlierRequest;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::Committed;
use strongroom_domain::replication::WalPosition;

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

    /// The event to record, unless its action is newer than `record_format`.
    pub(crate) fn recorded(&self, record_format: i32) -> Option<Cow<'a, Event>> {
        let event = match (&self.result, self.earlier) {
            (Err(_), _) => return None,
            (Ok(()), None) => self.event.clone(),
            (Ok(()), Some(earlier)) => {
                let event = self.write.event.clone();
                Cow::Owned(event.of_repetition(earlier.credential))
            }
        };
        (event.action.first_format() <= record_format).then_some(event)
    }

    /// The further events to record.
    pub(crate) fn recorded_further(
        &self,
        record_format: i32,
    ) -> impl Iterator<Item = (OrgScope, Cow<'a, Event>)> + use<'a> {
        let further: &'a [_] = match self.has_written() {
            true => &self.write.further,
            false => &[],
        };
        let known =
            move |(_, event): &&(OrgScope, Event)| event.action.first_format() <= record_format;
        let further = further.iter().filter(known);
        further.map(|(scope, event)| (*scope, Cow::Borrowed(event)))
    }

    /// The entity tag of the credential that was written, if one was.
    pub(crate) fn etag(&self) -> Option<EntityTag> {
        let (version, digest) = (self.event.version?, self.event.digest?);
        let is_credential = self.event.credential.is_some() && self.has_written();
        is_credential.then(|| EntityTag::new(version, &digest))
    }

    /// The result, once the transaction has committed. `position` is its end in the log.
    pub(crate) fn committed(self, position: Option<WalPosition>) -> StoreResult<Committed> {
        let (earlier, etag) = (self.earlier, self.etag());
        self.result.map(|()| Committed {
            position: position.filter(|_| earlier.is_none()),
            earlier,
            etag,
        })
    }

    pub(crate) fn has_written(&self) -> bool {
        self.result.is_ok() && self.earlier.is_none()
    }

    pub(crate) fn org(&self) -> OrgId {
        self.write.scope.org()
    }
}
