//! Puts the API together: its routes, its document, and the format of its errors.

use actix_web::Error;
use actix_web::web::{ServiceConfig, ThinData};
use strongroom_web::metrics::http::HttpMetrics;
use strongroom_web::refusal::Refusal;
use strongroom_web::settings::WebSettings;
use strongroom_web::surface::Surface;

use crate::error::ApiError;
use crate::openapi::document::{Document, to_json};
use crate::paths::{DOCUMENT_PAGES, METRICS, PIECES, RELAY_PATHS};
use crate::plain_error::PlainError;
use crate::routes::registry;
use crate::token_error::TokenError;

/// Served at `/openapi.json`, and made when it is first requested.
static DOCUMENT: Document = Document::new(openapi);
/// The same for a server without `relay`.
static WITHOUT_RELAY: Document = Document::new(openapi_without_relay);

/// The API's routes and the format of its errors, for the server.
#[must_use]
pub fn surface() -> Surface {
    Surface {
        prefix: "",
        own_listener: false,
        operations: registry::all().operations(),
        configure,
        configure_metrics,
        render,
        error_code,
    }
}

/// The OpenAPI document of the service, as JSON.
///
/// # Errors
/// If it cannot be serialized, which is a defect.
pub fn openapi() -> serde_json::Result<String> {
    to_json(registry::all().described())
}

fn openapi_without_relay() -> serde_json::Result<String> {
    to_json(registry::all().without(&RELAY_PATHS).described())
}

// Serves every route; the metrics only if they have no listener of their own, and the document and
// its page only if they are wanted.
fn configure(config: &mut ServiceConfig, settings: &WebSettings, metrics: &HttpMetrics) {
    let mut routes = registry::all();
    if settings.separate_metrics_listener {
        routes = routes.without(&[METRICS]);
    }
    if !settings.docs {
        routes = routes.without(&DOCUMENT_PAGES);
    }
    let mut document = &DOCUMENT;
    if !settings.relay {
        routes = routes.without(&RELAY_PATHS);
        document = &WITHOUT_RELAY;
    }
    config.app_data(ThinData(document));
    routes.serve(config, metrics);
}

fn configure_metrics(config: &mut ServiceConfig, metrics: &HttpMetrics) {
    registry::all().only(METRICS).serve(config, metrics);
}

fn render(path: &str, _: bool, refusal: Refusal) -> Error {
    match path.starts_with(PIECES) {
        true => PlainError::from(refusal).into(),
        false => ApiError::from(refusal).into(),
    }
}

fn error_code(error: &Error) -> Option<&'static str> {
    if let Some(plain) = error.as_error::<PlainError>() {
        return plain.0.code();
    }
    if let Some(token) = error.as_error::<TokenError>() {
        return token.0.code();
    }
    error.as_error::<ApiError>()?.code()
}
