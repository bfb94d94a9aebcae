use std::collections::BTreeMap;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Responder, Route};
use utoipa::Path;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;

use super::fallback;
use crate::metrics::HttpMetrics;

/// The service's routes. The path and the method of each come from its handler's annotation, so a route cannot be
/// served without being described, nor described without being served.
#[derive(Default)]
pub(crate) struct Routes {
    served: BTreeMap<String, Vec<(Method, Route)>>,
    described: Vec<(String, HttpMethod, Operation)>,
}

impl Routes {
    /// Adds what `P` describes and `handler` does, under the heading `tag`.
    pub(crate) fn add<P, H, A>(mut self, tag: &str, _: P, handler: H) -> Self
    where
        P: Path,
        H: Handler<A>,
        A: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        for described in P::methods() {
            let method = method(&described);
            let route = web::method(method.clone()).to(handler.clone());
            self.served
                .entry(P::path())
                .or_default()
                .push((method, route));
            let mut operation = P::operation();
            operation.tags = Some(vec![tag.to_owned()]);
            self.described.push((P::path(), described, operation));
        }
        self
    }

    /// Every operation with its path.
    pub(crate) fn described(self) -> Vec<(String, HttpMethod, Operation)> {
        self.described
    }

    /// Leaves out what stands at `path`.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.served.remove(path);
        self
    }

    /// Leaves out all but what stands at `path`.
    pub(crate) fn only(mut self, path: &str) -> Self {
        self.served.retain(|served, _| served == path);
        self
    }

    /// Serves them, counting on `metrics`. On each path any other method is answered 405.
    pub(crate) fn serve(self, config: &mut ServiceConfig, metrics: &HttpMetrics) {
        for (path, routes) in self.served {
            let methods: Vec<_> = routes.iter().map(|(method, _)| method.as_str()).collect();
            let refused = fallback::allow(methods.join(", "));
            let measured = metrics.route(&path);
            let resource = web::resource(path).app_data(measured);
            let resource = resource.default_service(refused);
            let resource = routes
                .into_iter()
                .fold(resource, |resource, (_, route)| resource.route(route));
            config.service(resource);
        }
        config.default_service(web::to(fallback::not_found));
    }
}

/// The method that an annotation names.
pub(crate) fn method(described: &HttpMethod) -> Method {
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
