use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Instant;

/// How much is read of what follows a request that is under way, in bytes.
pub(super) const READ_AHEAD: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request is under way; what comes is the head of one.
    Between,
    /// A request is under way, or its answer, and nobody waits for more of it.
    Answering,
    /// A handler waits for its request's body.
    Receiving,
}

/// What a connection and the requests on it must know of each other: the connection cannot tell a head from a body,
/// and the requests do not see the bytes. A worker's thread has both.
pub(crate) struct Traffic {
    phase: Cell<Phase>,
    ahead: Cell<usize>,
    head_since: Cell<Option<Instant>>,
    idle_since: Cell<Option<Instant>>,
    waiting: RefCell<Option<Waker>>,
}

impl Traffic {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Between),
            ahead: Cell::new(0),
            head_since: Cell::new(None),
            idle_since: Cell::new(None),
            waiting: RefCell::new(None),
        })
    }

    /// A request's head has come.
    pub(crate) fn begin(self: &Rc<Self>) -> UnderWay {
        self.phase.set(Phase::Answering);
        self.ahead.set(0);
        self.head_since.set(None);
        self.idle_since.set(None);
        UnderWay(self.clone())
    }

    /// The body of the request under way is wanted, or not any more.
    pub(crate) fn want_body(&self, wanted: bool) {
        self.phase.set(match wanted {
            true => Phase::Receiving,
            false => Phase::Answering,
        });
        self.wake();
    }

    /// Since when a head has been coming, if one is.
    pub(super) fn head_since(&self) -> Option<Instant> {
        self.head_since.get()
    }

    /// Since when the last request is answered, if no other one has come.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get()
    }

    /// Whether nothing more may be read until the request under way is answered.
    pub(super) fn is_enough(&self) -> bool {
        self.phase.get() == Phase::Answering && self.ahead.get() >= READ_AHEAD
    }

    pub(super) fn came(&self, bytes: usize) {
        match self.phase.get() {
            Phase::Between if bytes > 0 && self.head_since.get().is_none() => {
                self.head_since.set(Some(Instant::now()));
            }
            Phase::Answering => self.ahead.set(self.ahead.get() + bytes),
            Phase::Between | Phase::Receiving => {}
        }
    }

    /// Whoever reads wants to be woken when he may go on.
    pub(super) fn wait(&self, context: &Context<'_>) {
        *self.waiting.borrow_mut() = Some(context.waker().clone());
    }

    pub(super) fn wake(&self) {
        if let Some(waiting) = self.waiting.borrow_mut().take() {
            waiting.wake();
        }
    }
}

/// A request that is under way, its answer included, until this is dropped.
pub(crate) struct UnderWay(Rc<Traffic>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.phase.set(Phase::Between);
        self.0.idle_since.set(Some(Instant::now()));
        self.0.wake();
    }
}
