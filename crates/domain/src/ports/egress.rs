//! The port for requests to other hosts. They go over TLS to a name whose addresses were checked.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::egress::{Destination, EgressAnswer, EgressError, EgressRequest};

/// A connection to a destination, on which nothing was sent yet.
#[async_trait]
pub trait EgressConnection: Send {
    /// Sends a request, and returns the answer once its head has arrived. Redirects are answers.
    ///
    /// # Errors
    /// All but [`EgressError::Busy`] and [`EgressError::AddressRefused`].
    async fn send(self: Box<Self>, request: EgressRequest) -> Result<EgressAnswer, EgressError>;
}

/// Sends requests to other hosts.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Takes a place among the requests in flight, resolves the host, checks all its addresses, and
    /// connects to one of exactly these. Sends nothing of a request.
    ///
    /// # Errors
    /// [`EgressError::Busy`], [`EgressError::AddressRefused`], [`EgressError::Unreachable`],
    /// [`EgressError::Tls`], [`EgressError::Timeout`].
    async fn open(
        &self,
        destination: &Destination,
    ) -> Result<Box<dyn EgressConnection>, EgressError>;

    /// Resolves the host, and checks its addresses, without a connection.
    ///
    /// # Errors
    /// [`EgressError::AddressRefused`], [`EgressError::Unreachable`], [`EgressError::Timeout`].
    async fn resolve(&self, destination: &Destination) -> Result<Vec<IpAddr>, EgressError>;
}
