//! What waits in a queue, and in which order it is taken.

use std::collections::{HashMap, VecDeque};

use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreError;
use tokio::time::Instant;

use crate::writes::write::QueueTrace;

/// A request that belongs to one organization.
pub(crate) trait BatchItem: Send + 'static {
    /// The organization of the request.
    fn org(&self) -> OrgId;
    /// How many bytes of new blobs it brings along.
    fn bytes(&self) -> usize {
        0
    }
    /// The spans of the request.
    fn trace(&mut self) -> &mut QueueTrace;
    /// Answers the request with `error`.
    fn refuse(self, error: StoreError);
}

/// A batch takes no further item once its items bring so many bytes: PostgreSQL keeps a statement's
/// rows in memory up to `work_mem`, 4 MiB by default, and spills the rest to a temporary file.
pub(super) const LARGEST_BYTES: usize = 2 * 1024 * 1024;

/// Waiting requests, by organization. Organizations take turns, one request each, so that one with
/// many requests does not delay one with few. When the queue is full, the last request of the
/// organization with the most requests is evicted.
pub(crate) struct FairQueue<M> {
    by_org: HashMap<OrgId, VecDeque<M>>,
    /// Every organization with a waiting request, once.
    turns: VecDeque<OrgId>,
    pub(super) len: usize,
    pub(super) closed: bool,
    /// Whether the worker carries out a batch.
    pub(super) busy: bool,
    /// Requests that wait for the company of others, and are not counted in `len`.
    pub(super) later: Vec<M>,
    /// Until when the first of them waits.
    pub(super) later_until: Option<Instant>,
}

impl<M: BatchItem> FairQueue<M> {
    pub(super) fn new() -> Self {
        Self {
            by_org: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            closed: false,
            busy: false,
            later: Vec::new(),
            later_until: None,
        }
    }

    /// Adds a request that waits for the company of others, `until` this time if none waits yet.
    pub(super) fn add_later(&mut self, item: M, until: Instant) {
        self.later.push(item);
        self.later_until.get_or_insert(until);
    }

    /// Whether a request has waited long enough for the company of others.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.later_until.is_some_and(|until| until <= now)
    }

    /// Adds those that wait for the company of others.
    pub(super) fn admit_later(&mut self) {
        self.later_until = None;
        for item in std::mem::take(&mut self.later) {
            self.add(item);
        }
    }

    pub(super) fn add(&mut self, item: M) {
        let org = item.org();
        let requests = self.by_org.entry(org).or_default();
        if requests.is_empty() {
            self.turns.push_back(org);
        }
        requests.push_back(item);
        self.len += 1;
    }

    pub(super) fn take(&mut self, largest: usize) -> Vec<M> {
        let mut batch = Vec::with_capacity(largest.min(self.len));
        let mut bytes = 0;
        while batch.len() < largest && bytes < LARGEST_BYTES {
            let Some(org) = self.turns.pop_front() else {
                break;
            };
            let Some(requests) = self.by_org.get_mut(&org) else {
                continue;
            };
            if let Some(next) = requests.pop_front() {
                bytes += next.bytes();
                batch.push(next);
            }
            if requests.is_empty() {
                self.by_org.remove(&org);
            } else {
                self.turns.push_back(org);
            }
        }
        self.len -= batch.len();
        batch
    }

    pub(super) fn evict_from_busiest(&mut self) -> Option<M> {
        let most = self
            .by_org
            .iter()
            .max_by_key(|(_, requests)| requests.len());
        let org = *most?.0;
        let requests = self.by_org.get_mut(&org)?;
        let last = requests.pop_back();
        if requests.is_empty() {
            self.by_org.remove(&org);
            self.turns.retain(|turn| *turn != org);
        }
        self.len -= usize::from(last.is_some());
        last
    }
}

#[cfg(test)]
pub(super) mod tests {
    use strongroom_domain::ports::error::StoreResult;
    use tokio::sync::oneshot;
    use tracing::Span;

    use super::*;
    use crate::writes::write::Reply;

    /// A request of a test: the `nth` of its organization.
    pub(in crate::batch) struct Request {
        org: OrgId,
        nth: usize,
        bytes: usize,
        reply: Reply<()>,
        trace: QueueTrace,
    }

    impl Request {
        pub(in crate::batch) fn new(
            org: OrgId,
            nth: usize,
            bytes: usize,
        ) -> (Self, oneshot::Receiver<StoreResult<()>>) {
            let (reply, answer) = oneshot::channel();
            let request = Self {
                org,
                nth,
                bytes,
                reply,
                trace: QueueTrace::of(Span::none()),
            };
            (request, answer)
        }

        pub(in crate::batch) fn succeed(self) {
            let _ = self.reply.send(Ok(()));
        }
    }

    impl BatchItem for Request {
        fn org(&self) -> OrgId {
            self.org
        }
        fn bytes(&self) -> usize {
            self.bytes
        }
        fn trace(&mut self) -> &mut QueueTrace {
            &mut self.trace
        }
        fn refuse(self, error: StoreError) {
            let _ = self.reply.send(Err(error));
        }
    }

    pub(in crate::batch) fn org(n: u128) -> OrgId {
        OrgId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_and_takes_a_larger_request_alone() {
        let mut queue = FairQueue::new();
        let sizes = [LARGEST_BYTES / 2, LARGEST_BYTES / 2, 3 * LARGEST_BYTES, 1];
        for (nth, bytes) in sizes.into_iter().enumerate() {
            queue.add(Request::new(org(1), nth, bytes).0);
        }
        let batches: Vec<_> = (0..3).map(|_| queue.take(10).len()).collect();
        assert_eq!(batches, [2, 1, 1]);
    }

    #[test]
    fn many_requests_of_one_organization_delay_no_other() {
        let mut queue = FairQueue::new();
        for nth in 0..50 {
            queue.add(Request::new(org(1), nth, 0).0);
        }
        queue.add(Request::new(org(2), 0, 0).0);
        queue.add(Request::new(org(3), 0, 0).0);
        let batch = queue.take(4);
        let taken: Vec<_> = batch.iter().map(|item| (item.org, item.nth)).collect();
        assert_eq!(taken, [(org(1), 0), (org(2), 0), (org(3), 0), (org(1), 1)]);
    }
}
