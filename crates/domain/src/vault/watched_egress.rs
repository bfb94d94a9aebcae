//! Notes which hosts answer.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::egress::{Destination, EgressAnswer, EgressError, EgressRequest};
use crate::health::counters::Counters;
use crate::host_name::HostName;
use crate::ports::egress::{Egress, EgressConnection};

/// Sends requests through another port, and notes which hosts do not answer.
pub(super) struct WatchedEgress {
    egress: Arc<dyn Egress>,
    counters: Arc<Counters>,
}

struct WatchedConnection {
    connection: Box<dyn EgressConnection>,
    host: HostName,
    counters: Arc<Counters>,
}

impl WatchedEgress {
    pub(super) fn new(egress: Arc<dyn Egress>, counters: Arc<Counters>) -> Self {
        Self { egress, counters }
    }
}

#[async_trait]
impl Egress for WatchedEgress {
    async fn open(
        &self,
        destination: &Destination,
    ) -> Result<Box<dyn EgressConnection>, EgressError> {
        match self.egress.open(destination).await {
            Ok(connection) => Ok(Box::new(WatchedConnection {
                connection,
                host: destination.host.clone(),
                counters: self.counters.clone(),
            })),
            Err(error) => {
                note(&self.counters, &destination.host, &error);
                Err(error)
            }
        }
    }

    async fn resolve(&self, destination: &Destination) -> Result<Vec<IpAddr>, EgressError> {
        self.egress.resolve(destination).await
    }
}

#[async_trait]
impl EgressConnection for WatchedConnection {
    async fn send(self: Box<Self>, request: EgressRequest) -> Result<EgressAnswer, EgressError> {
        let answer = self.connection.send(request).await;
        match &answer {
            Ok(_) => {
                let (upstreams, of) = (&self.counters.relay.upstreams, &self.counters.conditions);
                upstreams.answered(&self.host, of);
            }
            Err(error) => note(&self.counters, &self.host, error),
        }
        answer
    }
}

// The other errors say nothing about the host.
fn note(counters: &Counters, host: &HostName, error: &EgressError) {
    match error {
        EgressError::Unreachable(_) | EgressError::Tls(_) | EgressError::Timeout(_) => {
            let upstreams = &counters.relay.upstreams;
            upstreams.failed(host, error, &counters.conditions);
        }
        EgressError::Busy(_)
        | EgressError::AddressRefused { .. }
        | EgressError::Protocol(_)
        | EgressError::Body(_)
        | EgressError::Request(_) => {}
    }
}
