//! One file per endpoint.

mod create_credential;
mod credential_body;
mod delete_credentials;
mod docs;
mod fallback;
mod get_operation;
mod healthz;
mod list_audit_events;
mod list_credentials;
mod list_rotations;
mod metrics;
mod openapi_json;
mod pieces;
mod readyz;
mod registry;
mod reveal_credential;
mod update_credential;

use actix_web::web::ServiceConfig;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

use crate::state::AppState;
pub(crate) use pieces::PlainError;
use registry::Routes;
pub(crate) use registry::method;

/// Under which the Pieces surface is, whose answers are plain text.
pub(crate) const PIECES: &str = "/external_provider/";

const CREDENTIALS: &str = "/organizations/config/external-credentials";
const METRICS: &str = "/metrics";
const CREDENTIAL: &str = "/organizations/config/external-credentials/{cred_id}";

/// Adds each module's `handle` and its annotation to the routes, under a heading of the document.
macro_rules! routes {
    ($($tag:literal: [$($($module:ident)::+),+ $(,)?])+) => {
        Routes::default()$($(.add($tag, $($module)::+::__path_handle, $($module)::+::handle))+)+
    };
}

/// Every route of the service.
fn all() -> Routes {
    routes! {
        "credentials": [
            list_credentials,
            create_credential,
            delete_credentials,
            reveal_credential,
            update_credential,
        ]
        "organization": [list_audit_events, list_rotations, get_operation]
        "pieces": [pieces::create, pieces::update, pieces::delete]
        "service": [
            healthz,
            healthz::head,
            readyz,
            readyz::head,
            metrics,
            openapi_json,
            docs,
            docs::file,
        ]
    }
}

/// Serves every route, apart from the metrics if these have a listener of their own.
pub(crate) fn configure(config: &mut ServiceConfig, state: &AppState) {
    let routes = match state.settings.metrics_apart {
        true => all().without(METRICS),
        false => all(),
    };
    routes.serve(config, &state.metrics.http);
}

/// Serves the metrics and nothing else.
pub(crate) fn configure_metrics(config: &mut ServiceConfig, state: &AppState) {
    all().only(METRICS).serve(config, &state.metrics.http);
}

/// Every operation with its path and method, for the document.
pub(crate) fn described() -> Vec<(String, HttpMethod, Operation)> {
    all().described()
}
