//! The Pieces ExternalProvider API: users' OpenAI keys. Its answers are a model or plain text.

mod caller;
mod create;
mod delete;
mod model;
mod plain;
mod update;

use actix_web::web::{self, ServiceConfig};

use super::fallback;

/// This API's routes. They all take POST only.
pub(super) fn configure(config: &mut ServiceConfig) {
    let path = |operation: &str| web::resource(format!("/external_provider/api_key/{operation}"));
    config
        .service(
            path("create")
                .route(web::post().to(create::handle))
                .default_service(fallback::allow("POST")),
        )
        .service(
            path("update")
                .route(web::post().to(update::handle))
                .default_service(fallback::allow("POST")),
        )
        .service(
            path("delete")
                .route(web::post().to(delete::handle))
                .default_service(fallback::allow("POST")),
        );
}
