use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::time::{Sleep, sleep};

use crate::connection_state::{ConnectionState, READ_AHEAD};
use crate::server::limiter::ConnectionSlot;
use crate::server::timeouts::{DeadlineTimer, Timeouts};
use crate::server::transport::Transport;
use crate::server::upgrade_filter::UpgradeFilter;

/// A client's connection with bounded memory and time.
///
/// The HTTP library reads all bytes that arrive, however many requests are waiting. It does not
/// limit the time in which a response is read, limits the time of a head only for a connection's
/// first request, and keeps a connection forever if its last request has an endless chunked body
/// that no handler reads. This type adds these limits:
///
/// - Nothing is read while the client does not read its responses. While a request is in progress
///   whose body no handler reads, at most [`READ_AHEAD`] bytes are read. Reads are small, so that
///   few pipelined requests are parsed at once.
/// - The connection is closed when a head has begun to arrive and is incomplete after the timeout,
///   when nothing can be written for too long, or when no further request has arrived a little
///   after the library's own timeout for idle connections.
///
/// It also hides offers to change the protocol: see [`UpgradeFilter`].
pub(super) struct Connection {
    io: Take<Transport>,
    filter: UpgradeFilter,
    state: Rc<ConnectionState>,
    timeouts: Timeouts,
    // The last read filled its limit, so more bytes may be waiting.
    read_was_full: bool,
    head: DeadlineTimer,
    idle: DeadlineTimer,
    blocked_write: Option<Pin<Box<Sleep>>>,
    _slot: ConnectionSlot,
}

impl Connection {
    pub(super) fn new(io: Transport, timeouts: Timeouts, slot: ConnectionSlot) -> Self {
        Self {
            io: io.take(0),
            filter: UpgradeFilter::new(),
            state: ConnectionState::new(),
            timeouts,
            read_was_full: false,
            head: DeadlineTimer::default(),
            idle: DeadlineTimer::default(),
            blocked_write: None,
            _slot: slot,
        }
    }

    pub(super) fn state(&self) -> Rc<ConnectionState> {
        self.state.clone()
    }

    // Ready with an error once a head or the next request is late.
    fn poll_deadlines(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let (state, timeouts) = (&self.state, &self.timeouts);
        let head = state.head_since().map(|since| since + timeouts.head);
        let idle = state.idle_since().map(|since| since + timeouts.idle);
        if self.head.poll(head, context).is_ready() {
            timeouts.slow_heads.note();
        } else if self.idle.poll(idle, context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }

    // Passes on the result of a write, and limits the time for which writes are blocked.
    fn limit_write<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if result.is_ready() {
            if self.blocked_write.take().is_some() {
                self.state.wake_reader();
            }
            return result;
        }
        let timeout = self.timeouts.write;
        let timer = self
            .blocked_write
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(timer.as_mut().poll(context));
        self.timeouts.slow_readers.note();
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.blocked_write.is_some() || this.state.is_read_ahead_full() {
            this.state.register_reader(context);
            return Poll::Pending;
        }
        if std::mem::take(&mut this.read_was_full) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (before, limit) = (buffer.filled().len(), buffer.remaining().min(READ_AHEAD));
        this.io.set_limit(limit as u64);
        if Pin::new(&mut this.io)
            .poll_read(context, buffer)?
            .is_pending()
        {
            return this.poll_deadlines(context);
        }
        let received = buffer.filled().len() - before;
        this.filter.filter(&mut buffer.filled_mut()[before..]);
        this.read_was_full = received == limit;
        this.state.bytes_received(received);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(this.io.get_mut()).poll_write(context, bytes);
        this.limit_write(context, result)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        // After the last response the library may never read again, so deadlines are checked here.
        if let Poll::Ready(late) = this.poll_deadlines(context) {
            return Poll::Ready(late);
        }
        let result = Pin::new(this.io.get_mut()).poll_flush(context);
        this.limit_write(context, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(this.io.get_mut()).poll_shutdown(context);
        this.limit_write(context, result)
    }
}
