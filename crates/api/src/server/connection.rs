use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::time::{Sleep, sleep, sleep_until};

use super::places::{LOGGED_EVERY, Place};
use super::traffic::{READ_AHEAD, Traffic};
use super::transport::Transport;

/// How long a client may take.
#[derive(Clone)]
pub(super) struct Patience {
    /// For a request's head.
    pub(super) head: Duration,
    /// For its next request to begin.
    pub(super) idle: Duration,
    /// Until it takes the next part of its answer.
    pub(super) write: Duration,
    pub(super) slow_heads: Slow,
    pub(super) slow_readers: Slow,
}

/// Clients that are too slow at something: counted, and told once in a while.
#[derive(Clone)]
pub(super) struct Slow {
    at: &'static str,
    count: IntCounter,
    told: Cache<(), ()>,
}

impl Slow {
    pub(super) fn new(at: &'static str, count: IntCounter) -> Self {
        let told = Cache::builder().time_to_live(LOGGED_EVERY).build();
        Self { at, count, told }
    }

    fn note(&self) {
        self.count.inc();
        if self.told.entry(()).or_insert(()).is_fresh() {
            tracing::warn!(
                at = self.at,
                "connections of clients that are too slow are closed (logged once a minute)"
            );
        }
    }
}

/// A client's connection that costs no more memory and time than it may. The HTTP library reads whatever comes, however
/// many requests are waiting; has no limit on the time in which an answer is taken; limits that of a head only for a
/// connection's first request; and keeps a connection for good whose last request has a chunked body without an end that
/// nobody wants. So here:
///
/// - Nothing is read while the client does not take its answers, nor, but for a little, while a request is under way
///   whose body nobody waits for. It is read in small parts, so that few pipelined requests are parsed at once.
/// - A connection is closed when a head has begun to come and does not end in time, when nothing can be written for too
///   long, or when no other request has come for a little longer than the library would keep it.
pub(super) struct Connection {
    io: Take<Transport>,
    traffic: Rc<Traffic>,
    patience: Patience,
    // The last read took all that it could, so there may be more.
    sated: bool,
    head: Alarm,
    idle: Alarm,
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
            head: Alarm::default(),
            idle: Alarm::default(),
            stalled: None,
            _place: place,
        }
    }

    pub(super) fn traffic(&self) -> Rc<Traffic> {
        self.traffic.clone()
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let (traffic, patience) = (&self.traffic, &self.patience);
        let head = traffic.head_since().map(|since| since + patience.head);
        let idle = traffic.idle_since().map(|since| since + patience.idle);
        if self.head.poll(head, context).is_ready() {
            patience.slow_heads.note();
        } else if self.idle.poll(idle, context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
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
        self.patience.slow_readers.note();
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

/// Goes off when something is late. Its timer is set once and not for each request: when that ends, it looks whether
/// there is something to wait for, and until when.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    fn poll(&mut self, due: Option<Instant>, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due else {
            return Poll::Pending;
        };
        let (timer, is_new) = match &mut self.0 {
            Some(timer) => (timer, false),
            none => (none.insert(Box::pin(sleep_until(due.into()))), true),
        };
        if !is_new && !timer.is_elapsed() {
            return Poll::Pending;
        }
        ready!(timer.as_mut().poll(context));
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        timer.as_mut().reset(due.into());
        timer.as_mut().poll(context)
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
            return this.poll_late(context);
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
        // Once all is answered it may be that nothing is read any more.
        if let Poll::Ready(late) = this.poll_late(context) {
            return Poll::Ready(late);
        }
        let done = Pin::new(this.io.get_mut()).poll_flush(context);
        this.written(context, done)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(this.io.get_mut()).poll_shutdown(context);
        this.written(context, done)
    }
}
