//! The state that a connection and the requests on it share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Instant;

/// Bytes that are read after the head of a request in progress, at most.
pub(crate) const READ_AHEAD: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No request is in progress. Bytes that arrive are a request's head.
    AwaitingRequest,
    /// A request or its response is in progress, and no handler reads a body.
    Responding,
    /// A handler reads its request's body.
    ReadingBody,
}

/// The progress of a connection's requests. The connection cannot distinguish a head from a body,
/// and the requests do not see the bytes. Both run on the same worker's thread.
pub(crate) struct ConnectionState {
    phase: Cell<Phase>,
    read_ahead: Cell<usize>,
    head_since: Cell<Option<Instant>>,
    idle_since: Cell<Option<Instant>>,
    reader: RefCell<Option<Waker>>,
}

impl ConnectionState {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::AwaitingRequest),
            read_ahead: Cell::new(0),
            head_since: Cell::new(None),
            idle_since: Cell::new(None),
            reader: RefCell::new(None),
        })
    }

    /// Notes that a request's head has arrived.
    pub(crate) fn begin_request(self: &Rc<Self>) -> RequestGuard {
        self.phase.set(Phase::Responding);
        self.read_ahead.set(0);
        self.head_since.set(None);
        self.idle_since.set(None);
        RequestGuard(self.clone())
    }

    /// Notes whether a handler reads the body of the request in progress.
    pub(crate) fn set_reading_body(&self, reading: bool) {
        self.phase.set(match reading {
            true => Phase::ReadingBody,
            false => Phase::Responding,
        });
        self.wake_reader();
    }

    /// Whether a handler reads the body of the request in progress.
    pub(crate) fn is_reading_body(&self) -> bool {
        self.phase.get() == Phase::ReadingBody
    }

    /// When the first byte of the next head arrived, if one has.
    pub(crate) fn head_since(&self) -> Option<Instant> {
        self.head_since.get()
    }

    /// When the last response ended, if no request has begun since.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        self.idle_since.get()
    }

    /// Whether nothing more may be read until the request in progress is answered.
    pub(crate) fn is_read_ahead_full(&self) -> bool {
        self.phase.get() == Phase::Responding && self.read_ahead.get() >= READ_AHEAD
    }

    /// Notes that bytes have arrived.
    pub(crate) fn bytes_received(&self, bytes: usize) {
        match self.phase.get() {
            Phase::AwaitingRequest if bytes > 0 && self.head_since.get().is_none() => {
                self.head_since.set(Some(Instant::now()));
            }
            Phase::Responding => self.read_ahead.set(self.read_ahead.get() + bytes),
            Phase::AwaitingRequest | Phase::ReadingBody => {}
        }
    }

    /// Registers the reader, which is woken when reading may continue.
    pub(crate) fn register_reader(&self, context: &Context<'_>) {
        *self.reader.borrow_mut() = Some(context.waker().clone());
    }

    pub(crate) fn wake_reader(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.wake();
        }
    }
}

/// Marks a request as in progress, including its response, until it is dropped.
pub(crate) struct RequestGuard(Rc<ConnectionState>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.phase.set(Phase::AwaitingRequest);
        self.0.idle_since.set(Some(Instant::now()));
        self.0.wake_reader();
    }
}
