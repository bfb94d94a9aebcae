//! Reveals: looked up in one batch, unless the row is known, and recorded in another.

use std::sync::Arc;

use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::StoredCredential;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::relay::ReadRows;
use strongroom_domain::ports::store::{OpenFn, Opened, Tracking};
use tracing::Span;

use crate::batch::lookups::ReadSink;
use crate::batch::queue::BatchQueue;
use crate::writes::write::{QueueTrace, Reply, Write, WriteOp, WriteReply};

/// A pending reveal, answered after its audit event commits.
pub(crate) struct PendingReveal {
    pub(crate) scope: OrgScope,
    pub(crate) open: OpenFn,
    /// The row, if it was read before: the primary must still have it.
    pub(crate) known: Option<ReadRows>,
    /// The event, but for the outcome and the version.
    pub(crate) event: Event,
    pub(crate) writes: Arc<BatchQueue<Write>>,
    pub(crate) reply: Reply<Opened>,
    /// The request's: the row may be opened on another thread.
    pub(crate) span: Span,
}

impl ReadSink<Option<Arc<StoredCredential>>> for PendingReveal {
    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    // The event joins the next batch of writes, and the opened credential rides with it: the caller
    // is woken once, after the commit.
    fn deliver(self: Box<Self>, found: StoreResult<Option<Arc<StoredCredential>>>) {
        match (self.open)(found) {
            Ok(outcome) => self.writes.put(Write {
                scope: self.scope,
                op: self.known.map_or(WriteOp::Record, WriteOp::RecordIfCurrent),
                tracking: Tracking::default(),
                event: outcome.completed(self.event),
                further: Vec::new(),
                reply: WriteReply::Opened(Box::new(outcome.opened), self.reply),
                trace: QueueTrace::of(self.span),
            }),
            Err(error) => drop(self.reply.send(Err(error))),
        }
    }
}
