use std::rc::Rc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};

use crate::client_ip::is_https;
use crate::connection_state::ConnectionState;
use crate::middleware::tracked_body::TrackedBody;
use crate::rate_limit::requests::RateLimitStatus;
use crate::sizes;
use crate::state::AppState;

/// Refuses requests that are too large, marks the request as in progress on its connection, and
/// adds the rate-limit headers to the response.
pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<TrackedBody>, Error> {
    let connection = request.conn_data::<Rc<ConnectionState>>();
    let guard = connection.map(ConnectionState::begin_request);
    let state = request.app_data::<Data<AppState>>().cloned();
    let checked = state
        .as_ref()
        .map(|state| (state, sizes::check(&state.settings.sizes, &request)));
    let mut response = match checked {
        Some((state, Err(refusal))) => {
            let error = state
                .surfaces
                .render(request.path(), is_https(request.request()), refusal);
            request.error_response(error)
        }
        _ => next.call(request).await?,
    };
    let extensions = response.request().extensions();
    let status = extensions.get::<RateLimitStatus>().copied();
    drop(extensions);
    if let (Some(state), Some(status)) = (state, status) {
        let headers = response.headers_mut();
        state.limits.requests.add_headers(status, headers);
    }
    Ok(response.map_body(|_, body| TrackedBody {
        body,
        _request: guard,
    }))
}
