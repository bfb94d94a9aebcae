//! What the document says of a route.

use actix_web::http::Method;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

use crate::routes::access::Access;

/// An operation of the document.
pub(super) struct Described {
    pub(super) path: String,
    pub(super) method: HttpMethod,
    pub(super) tag: String,
    pub(super) access: Access,
    /// Whether the handler serves other methods as well.
    pub(super) is_one_of_several: bool,
    /// Makes the annotation of the handler. All of them take 50 MB.
    pub(super) annotation: fn() -> Operation,
}

impl Described {
    pub(super) fn operation(&self) -> Operation {
        let mut operation = (self.annotation)();
        operation.security = self.access.requirements();
        operation.tags = Some(vec![self.tag.clone()]);
        if self.is_one_of_several {
            let id = operation.operation_id.unwrap_or_default();
            operation.operation_id = Some(format!("{id}_{}", method_name(&self.method)));
        }
        operation
    }
}

fn method_name(described: &HttpMethod) -> String {
    method(described).as_str().to_ascii_lowercase()
}

pub(super) fn method(described: &HttpMethod) -> Method {
    match described {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}
