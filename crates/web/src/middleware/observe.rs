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

use crate::auth::caller::CallerOrg;
use crate::client_ip;
use crate::metrics::http::RouteMetrics;
use crate::middleware::trace::{method_name, record_response, request_span};
use crate::request_id::{REQUEST_ID, RequestId};
use crate::request_log::RequestLine;
use crate::state::AppState;

/// Gives each request an id and, if traces are collected, a span; adds the common headers to its
/// response, counts it, and logs one line.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let state = state.ok_or_else(|| ErrorInternalServerError("the server has no state"))?;
    let in_flight = state.metrics.http.begin();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let trace = request_span(&request, state.settings.adopt_trace);
    let next = next.call(request).instrument(trace.clone());
    let mut response = id.clone().scope(next).await?;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, id);
    }
    // A file whose path changes with its content is the exception.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
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

fn log<B>(
    response: &ServiceResponse<B>,
    state: &AppState,
    RequestId(id): &RequestId,
    route: &str,
    duration: Duration,
) {
    let request = response.request();
    let refused = request.extensions().get::<RefusedKey>().copied();
    let org = request.extensions().get::<CallerOrg>().map(|org| org.0);
    let error = response.response().error();
    (state.settings.process.log_request)(&RequestLine {
        request_id: id,
        org: org.or(refused.map(|key| key.org)),
        method: method_name(request.method()),
        route,
        status: response.status().as_u16(),
        error: error.and_then(|error| state.surfaces.error_code(error)),
        refused,
        duration,
        peer: client_ip::address(request),
    });
}
