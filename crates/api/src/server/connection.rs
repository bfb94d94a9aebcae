use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::time::{Sleep, sleep, sleep_until};

use super::places::Place;
use super::traffic::{READ_AHEAD, Traffic};
use super::transport::Transport;

/// How long a client may take.
#[derive(Clone)]
pub(super) struct Patience {
    /// For a request's head.
    pub(super) head: Duration,
    /// Until it takes the next part of its answer.
    pub(super) write: Duration,
    pub(super) slow_heads: IntCounter,
    pub(super) slow_readers: IntCounter,
}

/// A client's connection that costs no more memory and time than it may. The HTTP library reads whatever comes, however
/// many requests are waiting; has no limit on the time in which an answer is taken; and limits that of a head only
/// for a connection's first request. So here:
///
/// - Nothing is read while the client does not take its answers, nor, but for a little, while a request is under way
///   whose body nobody waits for. It is read in small parts, so that few pipelined requests are parsed at once.
/// - A connection is closed when a head has begun to come and does not end in time, or when nothing can be written for
///   too long.
pub(super) struct Connection {
    io: Take<Transport>,
    traffic: Rc<Traffic>,
    patience: Patience,
    // The last read took all that it could, so there may be more.
    sated: bool,
    head: Option<Pin<Box<Sleep>>>,
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connection {
    pub(super) fn new(io: Transport, patience: Patience, place: Place) -> Self {
        Self {
            io: io.take(0),
            traffic: Traffic::new(),
            patience,
            sated: false,
            head: None,
            stalled: None,
            _place: place,
        }
    }

    pub(super) fn traffic(&self) -> Rc<Traffic> {
        self.traffic.clone()
    }

    // The timer is set once and not for each request: when it goes off, it looks whether a head is late, and since when
    // it would have to be.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Some(since) = self.traffic.head_since() else {
            return Poll::Pending;
        };
        let due = since + self.patience.head;
        let (timer, is_new) = match &mut self.head {
            Some(timer) => (timer, false),
            none => (none.insert(Box::pin(sleep_until(due.into()))), true),
        };
        if !is_new && !timer.is_elapsed() {
            return Poll::Pending;
        }
        if timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                self.patience.slow_heads.inc();
                return Poll::Ready(Err(Error::from(ErrorKind::TimedOut)));
            }
            timer.as_mut().reset(due.into());
            ready!(timer.as_mut().poll(context));
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn written<T>(&mut self, context: &mut Context<'_>, done: Poll<Result<T>>) -> Poll<Result<T>> {
        if done.is_ready() {
            if self.stalled.take().is_some() {
                self.traffic.wake();
            }
            return done;
        }
        let patience = self.patience.write;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(context));
        self.patience.slow_readers.inc();
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
        if this.stalled.is_some() || this.traffic.is_enough() {
            this.traffic.wait(context);
            return Poll::Pending;
        }
        if std::mem::take(&mut this.sated) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (before, room) = (buffer.filled().len(), buffer.remaining().min(READ_AHEAD));
        this.io.set_limit(room as u64);
        if Pin::new(&mut this.io)
            .poll_read(context, buffer)?
            .is_pending()
        {
            return this.poll_head(context);
        }
        let come = buffer.filled().len() - before;
        this.sated = come == room;
        this.traffic.came(come);
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
        let done = Pin::new(this.io.get_mut()).poll_write(context, bytes);
        this.written(context, done)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(this.io.get_mut()).poll_flush(context);
        this.written(context, done)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(this.io.get_mut()).poll_shutdown(context);
        this.written(context, done)
    }
}
