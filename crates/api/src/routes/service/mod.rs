//! The service itself: health, metrics and the OpenAPI document.

pub(super) mod docs;
pub(super) mod docs_file;
pub(super) mod healthz;
pub(super) mod metrics;
pub(super) mod openapi_json;
pub(super) mod readyz;
