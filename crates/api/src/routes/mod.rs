//! One file per endpoint.

mod create_credential;
mod delete_credentials;
mod fallback;
mod get_operation;
mod health;
mod list_audit_events;
mod list_credentials;
mod list_rotations;
mod metrics;
mod pieces;
mod reveal_credential;
mod update_credential;

use actix_web::web::{self, ServiceConfig};

use crate::error::OPERATIONS;

const CREDENTIALS: &str = "/organizations/config/external-credentials";
const AUDIT_EVENTS: &str = "/organizations/config/audit-events";
const CREDENTIAL: &str = "/organizations/config/external-credentials/{cred_id}";

/// Every route of the service.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(CREDENTIALS)
                .route(web::get().to(list_credentials::handle))
                .route(web::post().to(create_credential::handle))
                .route(web::delete().to(delete_credentials::handle))
                .default_service(fallback::allow("GET, POST, DELETE")),
        )
        .service(
            web::resource(CREDENTIAL)
                .route(web::get().to(reveal_credential::handle))
                .route(web::patch().to(update_credential::handle))
                .default_service(fallback::allow("GET, PATCH")),
        )
        .service(
            web::resource("/organizations/config/rotations")
                .route(web::get().to(list_rotations::handle))
                .default_service(fallback::allow("GET")),
        )
        .service(
            web::resource(format!("{OPERATIONS}/{{operation_id}}"))
                .route(web::get().to(get_operation::handle))
                .default_service(fallback::allow("GET")),
        )
        .service(
            web::resource(AUDIT_EVENTS)
                .route(web::get().to(list_audit_events::handle))
                .default_service(fallback::allow("GET")),
        )
        .service(
            web::resource("/healthz")
                .route(web::get().to(health::live))
                .route(web::head().to(health::live))
                .default_service(fallback::allow("GET, HEAD")),
        )
        .service(
            web::resource("/readyz")
                .route(web::get().to(health::ready))
                .route(web::head().to(health::ready))
                .default_service(fallback::allow("GET, HEAD")),
        )
        .service(
            web::resource("/metrics")
                .route(web::get().to(metrics::handle))
                .default_service(fallback::allow("GET")),
        )
        .configure(pieces::configure)
        .default_service(web::to(fallback::not_found));
}
