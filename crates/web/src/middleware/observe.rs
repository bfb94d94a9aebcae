use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use strongroom_domain::api_key::refusal::RefusedKey;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use crate::auth::caller::CallerOrg;
use crate::client_ip;
use crate::metrics::http::RouteMetrics;
use crate::middleware::trace::{method_name, record_response, request_span};
use crate::request_id::{REQUEST_ID, RequestId};
use crate::state::AppState;

/// Gives each request an id and a span, adds the common headers to its response, counts it, and
/// logs one line.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let state = state.ok_or_else(|| ErrorInternalServerError("the server has no state"))?;
    let in_flight = state.metrics.http.begin();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let RequestId(id) = id;
    let trace = request_span(&request, state.settings.adopt_trace);
    // All lines that are logged during the request carry its id.
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
    count(&response, &state, &route, time);
    log(&response, &state, &id, &route.pattern, time);
    record_response(&trace, &response, &route.pattern);
    Ok(response)
}

fn count<B>(response: &ServiceResponse<B>, state: &AppState, route: &RouteMetrics, time: Duration) {
    let (request, status) = (response.request(), response.status());
    route.answered(request.method(), status, time);
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    if let (Some(organizations), Some(org)) = (&state.metrics.organizations, org) {
        organizations.count(org, status);
    }
}

// Logs the route's pattern instead of the path: the path and the query are the caller's text.
fn log<B>(response: &ServiceResponse<B>, state: &AppState, id: &str, route: &str, time: Duration) {
    if LevelFilter::current() < tracing::Level::INFO {
        return;
    }
    let request = response.request();
    let refused = request.extensions().get::<RefusedKey>().copied();
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    let org = org
        .or(refused.map(|key| key.org))
        .map(|org| org.to_string());
    let peer = client_ip::address(request).map(|peer| peer.to_string());
    let error = response.response().error();
    let duration = time.as_secs_f64() * 1000.0;
    tracing::info!(
        target: "strongroom::request",
        request_id = id,
        org = org.as_deref(),
        method = method_name(request.method()),
        route,
        status = response.status().as_u16(),
        error = error.and_then(state.surface.error_code),
        key_id = refused.map(|key| key.id.to_string()),
        reason = refused.map(|key| key.reason.as_str()),
        duration_ms = (duration * 1000.0).round() / 1000.0,
        peer = peer.as_deref(),
        "request"
    );
}
