use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use strongroom_domain::OrgId;
use tracing::Instrument;

use crate::state::AppState;

/// The request's id: the caller's when it is short and plain, else ours.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The organisation whose key the request bears, once that was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerOrg(pub(crate) OrgId);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over, in characters.
const MAX_REQUEST_ID: usize = 128;

/// Gives every request an id, every answer its common headers, and the log one line.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    // What else is logged on the way bears the request's id.
    let span = tracing::info_span!(target: "strongroom::request", "request", request_id = %id);
    let mut response = next.call(request).instrument(span).await?;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let state = response.request().app_data::<Data<AppState>>();
    if state.is_some_and(|state| state.is_draining()) {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    log(&response, &id, started);
    Ok(response)
}

fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(REQUEST_ID);
    let plain = |id: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:/=+@".contains(c);
        !id.is_empty() && id.len() <= MAX_REQUEST_ID && id.chars().all(allowed)
    };
    match given.and_then(|id| id.to_str().ok()).filter(plain) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::new_v4().to_string(),
    }
}

// The route's pattern and not the path: whatever a caller puts into a path or query stays out of the log.
fn log<B>(response: &ServiceResponse<B>, id: &str, started: Instant) {
    let request = response.request();
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    let org = org.map(|org| org.to_string());
    let route = request.match_pattern();
    let peer = request.peer_addr().map(|peer| peer.ip().to_string());
    let duration = started.elapsed().as_secs_f64() * 1000.0;
    tracing::info!(
        target: "strongroom::request",
        request_id = id,
        org = org.as_deref(),
        method = method_name(request.method()),
        route = route.as_deref().unwrap_or("unknown"),
        status = response.status().as_u16(),
        duration_ms = (duration * 1000.0).round() / 1000.0,
        peer = peer.as_deref(),
        "request"
    );
}

// A method is any token that a caller likes; only the known ones are repeated.
fn method_name(method: &actix_web::http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE"
        | "CONNECT") => known,
        _ => "other",
    }
}
