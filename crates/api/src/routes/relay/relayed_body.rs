use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::{HttpRequest, web};
use strongroom_domain::crypto::SecretBytes;
use strongroom_domain::egress::RequestBody;
use strongroom_web::state::AppState;
use strongroom_web::{body, body_stream};

use crate::error::ApiError;

/// Most bytes of a body that is kept to be sent again.
const MOST_KEPT: u64 = 64 * 1024;

/// The body of a request, which is passed on as it arrives, unless it is kept to be sent again.
pub(super) struct RelayedBody<'a> {
    request: &'a HttpRequest,
    payload: Option<web::Payload>,
    kept: Option<SecretBytes>,
}

impl<'a> RelayedBody<'a> {
    pub(super) fn new(request: &'a HttpRequest, payload: web::Payload) -> Self {
        Self {
            request,
            payload: Some(payload),
            kept: None,
        }
    }

    /// Keeps the body if it is small. Returns whether it can be sent again.
    ///
    /// # Errors
    /// It is incomplete, or does not arrive in time.
    pub(super) async fn keep(&mut self, state: &AppState) -> Result<bool, ApiError> {
        if self.kept.is_some() {
            return Ok(true);
        }
        let is_chunked = self.request.headers().contains_key(TRANSFER_ENCODING);
        let length = body_stream::announced(self.request).unwrap_or(0);
        let most = MOST_KEPT.min(state.settings.sizes.body as u64);
        if is_chunked || length > most {
            return Ok(false);
        }
        if let Some(payload) = self.payload.take() {
            let bytes = body::read_any(self.request, payload, state).await?;
            self.kept = Some(SecretBytes::new(bytes.to_vec()));
        }
        Ok(true)
    }

    /// The body to send, of at most `most` bytes. One that was not kept can be sent once.
    pub(super) fn next(&mut self, most: u64) -> RequestBody {
        match (&self.kept, self.payload.take()) {
            (Some(bytes), _) if bytes.expose().is_empty() => RequestBody::None,
            (Some(bytes), _) => RequestBody::Bytes(bytes.clone()),
            (None, Some(payload)) => body_stream::stream(self.request, payload, most),
            (None, None) => RequestBody::None,
        }
    }
}
