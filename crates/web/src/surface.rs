//! The interface between the server and a surface.

use actix_web::Error;
use actix_web::error::ErrorInternalServerError;
use actix_web::http::Method;
use actix_web::web::ServiceConfig;

use crate::metrics::http::HttpMetrics;
use crate::refusal::Refusal;
use crate::settings::WebSettings;

/// The routes of a surface, and the format of its errors. The server knows neither.
#[derive(Debug)]
pub struct Surface {
    /// The path at and below which its routes are; empty for those that no other surface has.
    pub prefix: &'static str,
    /// Whether it is served on a listener of its own, and absent from that of the others.
    pub own_listener: bool,
    /// Every route's pattern and method, for the metrics.
    pub operations: Vec<(String, Method)>,
    /// Registers the routes, and the metrics of each as `Arc<RouteMetrics>` in its app data.
    pub configure: fn(&mut ServiceConfig, &WebSettings, &HttpMetrics),
    /// Registers the metrics' route alone, for their own listener.
    pub configure_metrics: fn(&mut ServiceConfig, &HttpMetrics),
    /// Renders a refusal of a request to this path, over HTTPS or not.
    pub render: fn(&str, bool, Refusal) -> Error,
    /// The code of an error that a handler returned or `render` made, for the log.
    pub error_code: fn(&Error) -> Option<&'static str>,
}

/// All surfaces of a server.
#[derive(Debug)]
pub struct Surfaces(Vec<Surface>);

impl Surfaces {
    /// These surfaces. The last one has no prefix, so that every path belongs to one of them.
    #[must_use]
    pub fn new(main: Surface, further: Vec<Surface>) -> Self {
        let mut all = further;
        all.push(main);
        Self(all)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Surface> {
        self.0.iter()
    }

    /// Every route's pattern and method.
    pub(crate) fn operations(&self) -> Vec<(String, Method)> {
        let operations = self.iter().flat_map(|surface| surface.operations.iter());
        operations.cloned().collect()
    }

    /// Renders a refusal of a request to `path`, over HTTPS if `is_https`.
    pub(crate) fn render(&self, path: &str, is_https: bool, refusal: Refusal) -> Error {
        let is_below = |prefix: &str| {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        match self.iter().find(|surface| is_below(surface.prefix)) {
            Some(surface) => (surface.render)(path, is_https, refusal),
            None => ErrorInternalServerError("no surface has this path"),
        }
    }

    /// The code of an error that a handler returned or a surface rendered.
    pub(crate) fn error_code(&self, error: &Error) -> Option<&'static str> {
        self.iter().find_map(|surface| (surface.error_code)(error))
    }
}
