use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::poll_fn;
use futures_util::stream;
use parking_lot::Mutex;

use crate::egress::{AnswerPart, Destination, EgressAnswer, EgressError, EgressRequest};
use crate::ports::clock::Clock;
use crate::ports::egress::{Egress, EgressConnection};

/// A clock that tests move.
pub(super) struct Hands(pub(super) Mutex<DateTime<Utc>>);

impl Hands {
    pub(super) fn forward(&self, seconds: i64) {
        *self.0.lock() += TimeDelta::seconds(seconds);
    }
}

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }
}

/// A token endpoint that answers once it has an answer.
#[derive(Default)]
pub(super) struct Endpoint {
    answers: Mutex<VecDeque<Result<(u16, String), EgressError>>>,
    waiting: Mutex<Option<Waker>>,
    pub(super) sent: Mutex<Vec<(String, bool)>>,
}

impl Endpoint {
    pub(super) fn will_answer(&self, status: u16, body: &str) {
        let answer = Ok((status, body.to_owned()));
        self.answers.lock().push_back(answer);
        if let Some(waker) = self.waiting.lock().take() {
            waker.wake();
        }
    }

    pub(super) fn sent(&self) -> usize {
        self.sent.lock().len()
    }
}

struct Connection(Arc<Endpoint>);

#[async_trait]
impl EgressConnection for Connection {
    async fn send(self: Box<Self>, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
        let target = String::from_utf8(request.target.expose().to_vec()).unwrap();
        let authorized = request
            .headers
            .iter()
            .any(|header| header.name == "authorization");
        self.0.sent.lock().push((target, authorized));
        let answer = poll_fn(|context| match self.0.answers.lock().pop_front() {
            Some(answer) => Poll::Ready(answer),
            None => {
                *self.0.waiting.lock() = Some(context.waker().clone());
                Poll::Pending
            }
        });
        let answer = answer.await;
        let (status, body) = answer?;
        let parts = [Ok(AnswerPart::Data(Bytes::from(body)))];
        Ok(EgressAnswer {
            status,
            headers: Vec::new(),
            body: Box::pin(stream::iter(parts)),
        })
    }
}

pub(super) struct Network(pub(super) Arc<Endpoint>);

#[async_trait]
impl Egress for Network {
    async fn open(&self, _: &Destination) -> Result<Box<dyn EgressConnection>, EgressError> {
        Ok(Box::new(Connection(self.0.clone())))
    }

    async fn resolve(&self, _: &Destination) -> Result<Vec<IpAddr>, EgressError> {
        Ok(Vec::new())
    }
}
