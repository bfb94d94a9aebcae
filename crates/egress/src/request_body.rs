use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use strongroom_domain::egress::{BodyError, BodyStream, RequestBody};
use tokio::time::Instant;

/// A request's body on its way.
pub(crate) struct OutgoingBody {
    content: Content,
    progress: Arc<Progress>,
}

enum Content {
    Bytes(Option<Bytes>),
    Stream(BodyStream, Option<u64>),
}

/// How far a request's body is.
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    /// When the last part left.
    moved: Instant,
    ended: bool,
    /// Whether the sender of the body is waited for.
    waiting: bool,
    failed: Option<BodyError>,
}

/// What is waited for while an answer's head has not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitingFor {
    /// The next part of the request's body, since then.
    Sender(Instant),
    /// The host, which takes no more of the request's body, since then.
    Receiver(Instant),
    /// The answer, since then.
    Answer(Instant),
}

impl Progress {
    /// What is waited for now.
    pub(crate) fn waiting_for(&self) -> WaitingFor {
        let state = *self.0.lock();
        match (state.ended, state.waiting) {
            (true, _) => WaitingFor::Answer(state.moved),
            (false, true) => WaitingFor::Sender(state.moved),
            (false, false) => WaitingFor::Receiver(state.moved),
        }
    }

    /// Whether all of the body has left.
    pub(crate) fn ended(&self) -> bool {
        self.0.lock().ended
    }

    /// Why the body failed, if it did.
    pub(crate) fn failure(&self) -> Option<BodyError> {
        self.0.lock().failed
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
    }
}

impl OutgoingBody {
    /// A body, and its progress.
    pub(crate) fn new(body: RequestBody) -> (Self, Arc<Progress>) {
        let content = match body {
            RequestBody::None => Content::Bytes(None),
            // The connection's buffers hold it until it is sent.
            RequestBody::Bytes(bytes) => {
                Content::Bytes(Some(Bytes::copy_from_slice(bytes.expose())))
            }
            RequestBody::Stream(stream, length) => Content::Stream(stream, length),
        };
        let ended = matches!(content, Content::Bytes(None));
        let progress = Arc::new(Progress(Mutex::new(State {
            moved: Instant::now(),
            ended,
            waiting: false,
            failed: None,
        })));
        let body = Self {
            content,
            progress: progress.clone(),
        };
        (body, progress)
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let progress = self.progress.clone();
        let next = match &mut self.content {
            Content::Bytes(bytes) => bytes.take().map(Ok),
            Content::Stream(stream, _) => {
                progress.note(|state| state.waiting = true);
                ready!(stream.as_mut().poll_next(context))
            }
        };
        let is_last = match &mut self.content {
            Content::Bytes(_) => true,
            Content::Stream(_, Some(left)) => {
                let length = next.as_ref().and_then(|next| next.as_ref().ok());
                *left = left.saturating_sub(length.map_or(0, |bytes| bytes.len() as u64));
                *left == 0
            }
            Content::Stream(_, None) => next.is_none(),
        };
        progress.note(|state| {
            state.moved = Instant::now();
            state.waiting = false;
            state.ended = is_last;
            state.failed = next.as_ref().and_then(|next| next.as_ref().err().copied());
        });
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(
            self.content,
            Content::Bytes(None) | Content::Stream(_, Some(0))
        )
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Stream(_, Some(length)) => SizeHint::with_exact(*length),
            Content::Stream(_, None) => SizeHint::default(),
        }
    }
}
