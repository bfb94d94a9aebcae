//! Reveals: looked up in one batch, recorded in another.

use std::sync::Arc;

use strongroom_domain::audit::event::Event;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::credential::StoredCredential;
use strongroom_domain::ports::error::StoreResult;
use strongroom_domain::ports::store::{Committed, OpenFn, Tracking};
use tracing::Span;

use crate::batch::lookups::ReadSink;
use crate::batch::queue::BatchQueue;
use crate::writes::write::{Reply, Write, WriteOp};

/// Somebody who looks at a credential, and waits until the event of that is recorded.
pub(crate) struct PendingReveal {
    pub(crate) scope: OrgScope,
    pub(crate) look: OpenFn,
    /// The event but for what is seen.
    pub(crate) event: Event,
    pub(crate) writes: Arc<BatchQueue<Write>>,
    pub(crate) reply: Reply<Committed>,
    /// The request's, since the look is on another thread.
    pub(crate) span: Span,
}

impl ReadSink<Option<Arc<StoredCredential>>> for PendingReveal {
    fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    // What was looked at is recorded with the writes of others, without going back to whoever waits.
    fn deliver(self: Box<Self>, found: StoreResult<Option<Arc<StoredCredential>>>) {
        match (self.look)(found) {
            Ok(seen) => {
                let event = self.event.of_reveal(seen.outcome, seen.version);
                let write = Write {
                    scope: self.scope,
                    operation: WriteOp::Record,
                    tracking: Tracking::default(),
                    event,
                    reply: self.reply,
                };
                self.span.in_scope(|| self.writes.put(write));
            }
            Err(error) => {
                let _ = self.reply.send(Err(error));
            }
        }
    }
}
