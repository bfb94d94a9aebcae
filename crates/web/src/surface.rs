//! The interface between the server and a surface.

use actix_web::Error;
use actix_web::http::Method;
use actix_web::web::ServiceConfig;

use crate::metrics::http::HttpMetrics;
use crate::refusal::Refusal;
use crate::settings::WebSettings;

/// The routes of a surface, and the format of its errors. The server knows neither.
#[derive(Debug)]
pub struct Surface {
    /// Every route's pattern and method, for the metrics.
    pub operations: Vec<(String, Method)>,
    /// Registers the routes, and the metrics of each as `Arc<RouteMetrics>` in its app data.
    pub configure: fn(&mut ServiceConfig, &WebSettings, &HttpMetrics),
    /// Registers the metrics' route alone, for their own listener.
    pub configure_metrics: fn(&mut ServiceConfig, &HttpMetrics),
    /// Renders a refusal of a request to this path.
    pub render: fn(&str, Refusal) -> Error,
    /// The code of an error that a handler returned or `render` made, for the log.
    pub error_code: fn(&Error) -> Option<&'static str>,
}
