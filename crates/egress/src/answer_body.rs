use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use strongroom_domain::egress::{AnswerPart, EgressError, ExchangeLimits};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::exchange::{TOTAL, exchange_error};
use crate::in_flight::Place;
use crate::pool::{Pool, Pooled};
use crate::request_body::Progress;

/// An answer's body. While it exists, the request is in flight; at its end the connection returns
/// to the pool. When it is dropped before, the connection is closed.
pub(crate) struct AnswerBody {
    incoming: Incoming,
    idle: Duration,
    end: Instant,
    timer: Pin<Box<Sleep>>,
    left: u64,
    connection: Option<Connection>,
}

/// What an answer holds until its end.
pub(crate) struct Connection {
    pub(crate) pooled: Pooled,
    pub(crate) pool: Arc<Pool>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) place: Place,
}

impl AnswerBody {
    pub(crate) fn new(
        incoming: Incoming,
        limits: ExchangeLimits,
        end: Instant,
        connection: Connection,
    ) -> Self {
        let first = (Instant::now() + limits.idle).min(end);
        Self {
            incoming,
            idle: limits.idle,
            end,
            timer: Box::pin(sleep_until(first)),
            left: limits.answer_bytes,
            connection: Some(connection),
        }
    }

    fn advance(&mut self, data: &Bytes) -> Result<(), EgressError> {
        let length = data.len() as u64;
        if length > self.left {
            return Err(EgressError::Protocol("the answer is too large".into()));
        }
        self.left -= length;
        let next = (Instant::now() + self.idle).min(self.end);
        self.timer.as_mut().reset(next);
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(Connection {
            pooled,
            pool,
            progress,
            place,
        }) = self.connection.take()
        {
            // A request that is still being sent would be followed by the next one.
            if progress.ended() {
                pool.put(pooled);
            }
            drop(place);
        }
    }

    fn expired(&self) -> EgressError {
        match Instant::now() >= self.end {
            true => TOTAL,
            false => EgressError::Timeout("the next part of the answer"),
        }
    }
}

impl Stream for AnswerBody {
    type Item = Result<AnswerPart, EgressError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(connection) = &this.connection else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                ready!(this.timer.as_mut().poll(context));
                let expired = this.expired();
                this.connection = None;
                return Poll::Ready(Some(Err(expired)));
            }
        };
        let part = match frame {
            None => {
                this.finish();
                return Poll::Ready(None);
            }
            Some(Err(error)) => Err(exchange_error(&error, &connection.progress)),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => this.advance(&data).map(|()| AnswerPart::Data(data)),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    Ok(AnswerPart::Trailers(fields(&trailers)))
                }
            },
        };
        if part.is_err() {
            this.connection = None;
        }
        Poll::Ready(Some(part))
    }
}

/// Names and values of headers.
pub(crate) fn fields(headers: &HeaderMap) -> Vec<(String, Bytes)> {
    let field = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        let value = Bytes::copy_from_slice(value.as_bytes());
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(field).collect()
}
