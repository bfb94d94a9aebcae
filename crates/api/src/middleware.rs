use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use strongroom_domain::OrgId;
use strongroom_domain::trace::TRACE;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span};

use crate::client;
use crate::error::ApiError;
use crate::metrics::RouteMetrics;
use crate::routes::PlainError;
use crate::state::AppState;

/// The request's id: the caller's when it is short and plain, else ours.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The organization whose key the request bears, once that was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerOrg(pub(crate) OrgId);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over, in characters.
const MAX_REQUEST_ID: usize = 128;

/// Makes the given span part of the trace that `traceparent` and `tracestate` name, if they do.
pub type AdoptTrace = fn(&Span, Option<&str>, Option<&str>);

/// Gives every request an id and a span, every answer its common headers, the log one line, and counts it.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let state = state.ok_or_else(|| ErrorInternalServerError("the server has no state"))?;
    let in_flight = state.metrics.http.begin();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let trace = trace(&request, state.settings.adopt_trace);
    // What else is logged on the way bears the request's id.
    let span = tracing::info_span!(target: "strongroom::request", "request", request_id = %id);
    let next = next.call(request).instrument(trace.clone());
    let mut response = next.instrument(span).await?;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if state.is_draining() {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
    let time = in_flight.answered();
    let route = response.request().app_data::<Arc<RouteMetrics>>().cloned();
    let route = route.unwrap_or_else(|| state.metrics.http.unknown.clone());
    tell(&response, &state, &route, time);
    log(&response, &id, &route.pattern, time);
    end(&trace, &response, &route.pattern);
    Ok(response)
}

// The part of a trace that is this request. What a caller put into path, query or headers is not in it.
fn trace(request: &ServiceRequest, adopt: Option<AdoptTrace>) -> Span {
    let Some(adopt) = adopt else {
        return Span::none();
    };
    let span = tracing::info_span!(
        target: TRACE,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method_name(request.method()),
        http.route = Empty,
        http.response.status_code = Empty,
    );
    let header = |name| request.headers().get(name)?.to_str().ok();
    adopt(&span, header("traceparent"), header("tracestate"));
    span
}

fn end<B>(span: &Span, response: &ServiceResponse<B>, route: &str) {
    if span.is_disabled() {
        return;
    }
    span.record("http.route", route);
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

fn tell<B>(response: &ServiceResponse<B>, state: &AppState, route: &RouteMetrics, time: Duration) {
    let (request, status) = (response.request(), response.status());
    route.answered(request.method(), status, time);
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    if let (Some(organizations), Some(org)) = (&state.metrics.organizations, org) {
        organizations.count(org, status);
    }
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
fn log<B>(response: &ServiceResponse<B>, id: &str, route: &str, time: Duration) {
    if LevelFilter::current() < tracing::Level::INFO {
        return;
    }
    let request = response.request();
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    let org = org.map(|org| org.to_string());
    let peer = client::address(request).map(|peer| peer.to_string());
    let duration = time.as_secs_f64() * 1000.0;
    tracing::info!(
        target: "strongroom::request",
        request_id = id,
        org = org.as_deref(),
        method = method_name(request.method()),
        route,
        status = response.status().as_u16(),
        error = error_code(response),
        duration_ms = (duration * 1000.0).round() / 1000.0,
        peer = peer.as_deref(),
        "request"
    );
}

fn error_code<B>(response: &ServiceResponse<B>) -> Option<&'static str> {
    let error = response.response().error()?;
    match error.as_error::<PlainError>() {
        Some(plain) => plain.0.code(),
        None => error.as_error::<ApiError>()?.code(),
    }
}

// A method is any token that a caller likes; only the known ones are repeated.
fn method_name(method: &actix_web::http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE"
        | "CONNECT") => known,
        _ => "other",
    }
}
