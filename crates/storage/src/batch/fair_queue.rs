//! What waits in a queue, and in which order it is taken.

use std::collections::{HashMap, VecDeque};

use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreError;
use tracing::Span;

/// A request that belongs to one organization.
pub(crate) trait BatchItem: Send + 'static {
    fn org(&self) -> OrgId;
    /// How much it brings along, in bytes.
    fn bytes(&self) -> usize {
        0
    }
    fn refuse(self, error: StoreError);
}

/// A batch takes no further member once they bring so many bytes: PostgreSQL keeps a statement's rows in memory up to its
/// `work_mem`, 4 MiB by default, and writes more of them into a temporary file.
pub(super) const LARGEST_BYTES: usize = 2 * 1024 * 1024;

/// A member, and how long it waits, in its request's trace.
pub(crate) struct Queued<M> {
    pub(super) member: M,
    pub(super) span: Span,
    /// What the span is part of.
    pub(super) request: Span,
}

/// What waits, by organization. They take turns, one request each, so that one with many requests holds up none
/// with few; and when there is no room left, the last request of the one with most gives way.
pub(crate) struct FairQueue<M> {
    by_org: HashMap<OrgId, VecDeque<Queued<M>>>,
    /// Every organization that has something waiting, once.
    turns: VecDeque<OrgId>,
    pub(super) len: usize,
    pub(super) closed: bool,
}

impl<M: BatchItem> FairQueue<M> {
    pub(super) fn new() -> Self {
        Self {
            by_org: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
            closed: false,
        }
    }

    pub(super) fn add(&mut self, member: Queued<M>) {
        let org = member.member.org();
        let theirs = self.by_org.entry(org).or_default();
        if theirs.is_empty() {
            self.turns.push_back(org);
        }
        theirs.push_back(member);
        self.len += 1;
    }

    pub(super) fn take(&mut self, largest: usize) -> Vec<Queued<M>> {
        let mut batch = Vec::with_capacity(largest.min(self.len));
        let mut bytes = 0;
        while batch.len() < largest && bytes < LARGEST_BYTES {
            let Some(org) = self.turns.pop_front() else {
                break;
            };
            let Some(theirs) = self.by_org.get_mut(&org) else {
                continue;
            };
            if let Some(next) = theirs.pop_front() {
                bytes += next.member.bytes();
                batch.push(next);
            }
            if theirs.is_empty() {
                self.by_org.remove(&org);
            } else {
                self.turns.push_back(org);
            }
        }
        self.len -= batch.len();
        batch
    }

    pub(super) fn evict_from_busiest(&mut self) -> Option<Queued<M>> {
        let most = self.by_org.iter().max_by_key(|(_, theirs)| theirs.len());
        let org = *most?.0;
        let theirs = self.by_org.get_mut(&org)?;
        let last = theirs.pop_back();
        if theirs.is_empty() {
            self.by_org.remove(&org);
            self.turns.retain(|turn| *turn != org);
        }
        self.len -= usize::from(last.is_some());
        last
    }
}
