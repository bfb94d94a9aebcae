use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::log_throttle::LogThrottle;
use crate::metrics::limits::LimitMetrics;
use crate::refusal::Refusal;
use crate::surface::Surfaces;

/// Connections beyond the limit that are answered at the same time. Further ones are closed without
/// an answer.
pub(super) const MAX_REFUSING: usize = 256;
/// Maximum time to answer one of them.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);

/// Limits the number of open connections, over all workers.
#[derive(Clone)]
pub(super) struct ConnectionLimiter {
    free: Arc<Semaphore>,
    refusing: Arc<Semaphore>,
    refusal: Bytes,
    metrics: Arc<LimitMetrics>,
    log: LogThrottle<()>,
}

/// A connection slot, in use until it is dropped.
pub(super) struct ConnectionSlot {
    _permit: OwnedSemaphorePermit,
    metrics: Arc<LimitMetrics>,
}

impl ConnectionLimiter {
    /// A limiter with `max` slots. Connections beyond them receive `refusal`, an HTTP response.
    pub(super) fn new(max: usize, refusal: Bytes, metrics: Arc<LimitMetrics>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(max)),
            refusing: Arc::new(Semaphore::new(MAX_REFUSING)),
            refusal,
            metrics,
            log: LogThrottle::new(1),
        }
    }

    /// A connection slot, if one is free.
    pub(super) fn acquire(&self) -> Option<ConnectionSlot> {
        let permit = self.free.clone().try_acquire_owned().ok();
        let Some(permit) = permit else {
            self.metrics.refused_connections.inc();
            if self.log.allows(()) {
                tracing::warn!(
                    "connections are refused: there are max_connections (logged once a minute)"
                );
            }
            return None;
        };
        self.metrics.connections.inc();
        self.metrics.accepted.inc();
        Some(ConnectionSlot {
            _permit: permit,
            metrics: self.metrics.clone(),
        })
    }

    /// Answers a client for which there is no slot, whatever its request.
    pub(super) async fn refuse(&self, mut io: TcpStream) {
        let Ok(_refusing) = self.refusing.try_acquire() else {
            return;
        };
        // The client's bytes are read: closing with unread bytes would discard the response.
        let responding = async {
            io.write_all(&self.refusal).await?;
            io.shutdown().await?;
            tokio::io::copy(&mut io.take(64 * 1024), &mut tokio::io::sink()).await
        };
        let _ = tokio::time::timeout(REFUSAL_TIMEOUT, responding).await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

/// The response to a connection beyond the limit, whose request is not read.
pub(super) fn refusal(surfaces: &Surfaces) -> Bytes {
    let refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "the server has reached its maximum number of connections",
    );
    let response = surfaces.render("", false, refusal).error_response();
    let kind = response.headers().get(CONTENT_TYPE).cloned();
    let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("text/plain");
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         connection: close\r\n\
         content-type: {kind}\r\n\
         cache-control: no-store\r\n\
         x-content-type-options: nosniff\r\n\
         retry-after: 1\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat().into()
}

#[cfg(test)]
mod tests {
    use actix_web::error::InternalError;

    use super::*;
    use crate::surface::Surface;

    #[test]
    fn the_refusal_announces_the_length_of_its_body() {
        let surface = Surface {
            prefix: "",
            own_listener: false,
            operations: Vec::new(),
            configure: |_, _, _| {},
            configure_metrics: |_, _| {},
            render: |_, _, refusal| {
                let message = refusal.errors[0].message.clone();
                InternalError::new(message, refusal.status).into()
            },
            error_code: |_| None,
        };
        let response = refusal(&Surfaces::new(surface, Vec::new()));
        let text = std::str::from_utf8(&response).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(body.contains("maximum number of connections"), "{body}");
        let length = format!("content-length: {}", body.len());
        assert!(head.ends_with(&length), "{head}");
    }
}
