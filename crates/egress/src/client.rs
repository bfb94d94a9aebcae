use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_domain::egress::{
    Destination, EgressAnswer, EgressError, EgressRequest, RequestBody,
};
use strongroom_domain::ports::egress::{Egress, EgressConnection};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::addresses::AddressRules;
use crate::answer_body::{AnswerBody, Connection, fields};
use crate::connector::Connector;
use crate::exchange::{checked, exchange_error, message, within};
use crate::in_flight::{InFlight, Place};
use crate::own_endpoints::OwnEndpoints;
use crate::pool::{Key, Pool, Pooled};
use crate::request_body::OutgoingBody;
use crate::resolver::{Addresses, Resolver};
use crate::settings::EgressSettings;
use crate::tls;

/// Time between two closings of connections that are too old.
const SWEEP: Duration = Duration::from_secs(15);

/// Sends requests, each over a connection that lives on its caller's runtime: its own tasks then
/// need no other thread.
#[derive(Clone)]
pub struct EgressClient(Arc<Inner>);

struct Inner {
    resolver: Resolver,
    own: OwnEndpoints,
    connector: Connector,
    pool: Arc<Pool>,
    in_flight: Arc<InFlight>,
    connect: Duration,
    runtime: Handle,
}

/// Why requests to other hosts cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum EgressStartError {
    /// The system's configuration of DNS cannot be read.
    #[error("DNS: {0}")]
    Dns(String),
    /// No certificate of an authority is usable.
    #[error("certificates of authorities: {0}")]
    Tls(#[from] rustls::Error),
}

impl EgressClient {
    /// A client that resolves names on `runtime`. Reads no environment variable but those by which
    /// the system's store of certificates is found.
    ///
    /// # Errors
    /// [`EgressStartError`].
    pub fn start(settings: EgressSettings, runtime: Handle) -> Result<Self, EgressStartError> {
        let rules = AddressRules::new(settings.allow_networks);
        let resolver = Resolver::new(settings.dns, rules).map_err(EgressStartError::Dns)?;
        let pool = Arc::<Pool>::default();
        let swept = Arc::downgrade(&pool);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                match swept.upgrade() {
                    Some(pool) => pool.sweep(),
                    None => return,
                }
            }
        });
        Ok(Self(Arc::new(Inner {
            resolver,
            own: OwnEndpoints::new(settings.own),
            connector: Connector::new(tls::config(settings.authorities)?),
            pool,
            in_flight: InFlight::new(settings.in_flight),
            connect: settings.connect,
            runtime,
        })))
    }

    /// Does `work` within the time for a connection.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, EgressError>>,
    ) -> Result<T, EgressError> {
        let done = timeout(self.0.connect, work).await;
        done.unwrap_or(Err(EgressError::Timeout("a connection")))
    }

    /// The addresses of `destination`, resolved on the runtime of the resolver.
    async fn addresses(&self, destination: &Destination) -> Result<Addresses, EgressError> {
        let (inner, destination) = (self.0.clone(), destination.clone());
        let resolving = async move { inner.addresses(&destination).await };
        let resolving = AbortOnDropHandle::new(self.0.runtime.spawn(resolving));
        let stopping = |_| EgressError::Unreachable("the server is stopping".into());
        resolving.await.map_err(stopping)?
    }

    /// A connection to `destination`, within the time for one.
    async fn connection(&self, destination: &Destination) -> Result<Pooled, EgressError> {
        self.in_time(self.connect(destination)).await
    }

    async fn connect(&self, destination: &Destination) -> Result<Pooled, EgressError> {
        let addresses = self.addresses(destination).await?;
        if let Some(pooled) = self.0.pooled(destination, &addresses) {
            return Ok(pooled);
        }
        let Destination { host, port, .. } = destination;
        let connecting = self.0.connector.connect(host, &addresses, *port);
        let (sender, address) = connecting.await?;
        Ok(Pooled {
            sender,
            key: Key::here(address, host.clone()),
            opened: Instant::now(),
        })
    }
}

impl Inner {
    fn pooled(&self, destination: &Destination, addresses: &Addresses) -> Option<Pooled> {
        self.pool
            .take(&destination.host, addresses, destination.port)
    }

    async fn addresses(&self, destination: &Destination) -> Result<Addresses, EgressError> {
        let addresses = self.resolver.resolve(&destination.host).await?;
        for address in addresses.iter() {
            let target = SocketAddr::new(*address, destination.port);
            if self.own.contain(target).await {
                return Err(EgressError::AddressRefused {
                    host: destination.host.clone(),
                    address: *address,
                });
            }
        }
        Ok(addresses)
    }
}

#[async_trait]
impl Egress for EgressClient {
    async fn open(
        &self,
        destination: &Destination,
    ) -> Result<Box<dyn EgressConnection>, EgressError> {
        let place = self.0.in_flight.enter(destination)?;
        let recent = self.0.resolver.recent(&destination.host);
        let pooled = recent.and_then(|addresses| self.0.pooled(destination, &addresses));
        let (pooled, reused) = match pooled {
            Some(pooled) => (pooled, true),
            None => (self.connection(destination).await?, false),
        };
        Ok(Box::new(OpenConnection {
            client: self.clone(),
            destination: destination.clone(),
            pooled,
            reused,
            place,
        }))
    }

    async fn resolve(&self, destination: &Destination) -> Result<Vec<IpAddr>, EgressError> {
        let addresses = self.in_time(self.addresses(destination)).await?;
        Ok(addresses.to_vec())
    }
}

/// A connection on which nothing was sent yet by its holder.
struct OpenConnection {
    client: EgressClient,
    destination: Destination,
    pooled: Pooled,
    /// Whether it served other requests before, so that its host may have closed it meanwhile.
    reused: bool,
    place: Place,
}

#[async_trait]
impl EgressConnection for OpenConnection {
    async fn send(
        mut self: Box<Self>,
        request: EgressRequest,
    ) -> Result<EgressAnswer, EgressError> {
        let (limits, end) = (request.limits, Instant::now() + request.limits.total);
        let mut request = request;
        let body = std::mem::replace(&mut request.body, RequestBody::None);
        let (body, progress) = OutgoingBody::new(body);
        let mut message = message(&self.pooled.key, &request, body)?;
        drop(request);
        let answer = loop {
            let sending = self.pooled.sender.try_send_request(message);
            match within(sending, &progress, limits, end).await? {
                Ok(answer) => break answer,
                Err(mut refused) => match refused.take_message() {
                    // Nothing of it was sent.
                    Some(unsent) if self.reused => {
                        self.pooled = self.client.connection(&self.destination).await?;
                        self.reused = false;
                        message = unsent;
                    }
                    _ => return Err(exchange_error(refused.error(), &progress)),
                },
            }
        };
        let (head, incoming) = checked(answer)?.into_parts();
        let connection = Connection {
            pooled: self.pooled,
            pool: self.client.0.pool.clone(),
            progress,
            place: self.place,
        };
        Ok(EgressAnswer {
            status: head.status.as_u16(),
            headers: fields(&head.headers),
            body: Box::pin(AnswerBody::new(incoming, limits, end, connection)),
        })
    }
}
