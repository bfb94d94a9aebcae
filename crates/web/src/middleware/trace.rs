use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use strongroom_domain::trace::TRACE;
use tracing::Span;
use tracing::field::Empty;

use crate::client_ip::is_from_trusted_proxy;
use crate::settings::AdoptTrace;

/// The span of a request in its trace. It holds nothing that the caller put into the path, the
/// query or the headers.
pub(super) fn request_span(request: &ServiceRequest, adopt: Option<AdoptTrace>) -> Span {
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
    // The parent decides whether the trace is exported, so only a trusted proxy may name one.
    if is_from_trusted_proxy(request.request()) {
        let header = |name| request.headers().get(name)?.to_str().ok();
        adopt(&span, header("traceparent"), header("tracestate"));
    }
    span
}

/// Adds the route and the response's status to the span.
pub(super) fn record_response<B>(span: &Span, response: &ServiceResponse<B>, route: &str) {
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

/// The method's name. A method can be any token that a caller chooses, so an unknown one is
/// `other`.
pub(super) fn method_name(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE"
        | "CONNECT") => known,
        _ => "other",
    }
}
