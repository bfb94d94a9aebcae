use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::{Method, StatusCode};
use prometheus::proto::MetricFamily;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::histogram::Histogram;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation as Described;

use super::family::Family;
use crate::routes::method;

/// The ranges of answers' times, in microseconds.
const TIMES: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];
/// The first status that is counted, and how many there are.
const FIRST: u16 = 100;
const STATUSES: usize = 500;
/// Statuses that are shown also before the first: an alert looks for their increase.
const SHOWN: [u16; 2] = [500, 503];

/// Requests of the HTTP surface.
pub(crate) struct HttpMetrics {
    routes: BTreeMap<String, Arc<RouteMetrics>>,
    /// Of paths that are not there.
    pub(crate) unknown: Arc<RouteMetrics>,
    in_flight: Count,
    abandoned: Count,
}

/// Requests of one route: found once per request, without a look at its path.
pub(crate) struct RouteMetrics {
    pub(crate) pattern: String,
    operations: Vec<(Method, Operation)>,
    /// Of methods that the route does not take.
    other: Operation,
}

struct Operation {
    statuses: Box<[Count]>,
    times: Histogram,
}

impl Default for Operation {
    fn default() -> Self {
        Self {
            statuses: (0..STATUSES).map(|_| Count::default()).collect(),
            times: Histogram::new(TIMES),
        }
    }
}

impl RouteMetrics {
    fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            operations: Vec::new(),
            other: Operation::default(),
        }
    }

    /// Counts a request that was answered with `status`, `time` after its head had arrived.
    pub(crate) fn answered(&self, method: &Method, status: StatusCode, time: Duration) {
        let known = self.operations.iter().find(|(known, _)| known == method);
        let operation = known.map_or(&self.other, |(_, operation)| operation);
        let place = usize::from(status.as_u16().saturating_sub(FIRST));
        if let Some(count) = operation.statuses.get(place) {
            count.add(1);
        }
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        operation.times.observe(time);
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Operation)> {
        let known = self.operations.iter();
        let known = known.map(|(method, operation)| (method.as_str(), operation));
        known.chain([("other", &self.other)])
    }
}

/// A request that is being answered; forgotten by whoever sent it when dropped before [`Self::answered`].
pub(crate) struct InFlight<'m> {
    metrics: &'m HttpMetrics,
    started: Instant,
    answered: bool,
}

impl InFlight<'_> {
    /// The answer is there; how long it took.
    pub(crate) fn answered(mut self) -> Duration {
        self.answered = true;
        self.started.elapsed()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.subtract(1);
        if !self.answered {
            self.metrics.abandoned.add(1);
        }
    }
}

impl HttpMetrics {
    pub(super) fn new(described: &[(String, HttpMethod, Described)]) -> Self {
        let mut routes: BTreeMap<String, RouteMetrics> = BTreeMap::new();
        for (path, described, _) in described {
            let route = routes.entry(path.clone());
            let route = route.or_insert_with(|| RouteMetrics::new(path));
            let operation = (method(described), Operation::default());
            route.operations.push(operation);
        }
        let shared = routes
            .into_iter()
            .map(|(path, route)| (path, Arc::new(route)));
        Self {
            routes: shared.collect(),
            unknown: Arc::new(RouteMetrics::new("unknown")),
            in_flight: Count::default(),
            abandoned: Count::default(),
        }
    }

    /// Where requests of the route are counted whose pattern is `path`.
    pub(crate) fn route(&self, path: &str) -> Arc<RouteMetrics> {
        self.routes.get(path).unwrap_or(&self.unknown).clone()
    }

    /// A request's head has arrived.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.add(1);
        InFlight {
            metrics: self,
            started: Instant::now(),
            answered: false,
        }
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let mut requests = Family::counter(
            "strongroom_http_requests_total",
            "Answered requests by route, method and status.",
        );
        let mut times = Family::histogram(
            "strongroom_http_request_duration_seconds",
            "Time from a request's head to its answer, by route and method.",
        );
        for route in self.routes.values().chain([&self.unknown]) {
            for (method, operation) in route.all() {
                let labels = [("route", route.pattern.as_str()), ("method", method)];
                operation.show(&labels, &mut requests, &mut times);
            }
        }
        let gauge = |name, help, count: &Count| Family::gauge(name, help).of(count.get() as f64);
        let counter =
            |name, help, count: &Count| Family::counter(name, help).of(count.get() as f64);
        vec![
            requests.finish(),
            times.finish(),
            gauge(
                "strongroom_http_requests_in_flight",
                "Requests that are being answered.",
                &self.in_flight,
            ),
            counter(
                "strongroom_http_requests_abandoned_total",
                "Requests whose sender went away before the answer.",
                &self.abandoned,
            ),
        ]
    }
}

impl Operation {
    fn show(&self, labels: &[(&'static str, &str); 2], requests: &mut Family, times: &mut Family) {
        let served = labels[1].1 != "other";
        let seen = self.times.distribution();
        if !served && seen.counts.iter().all(|count| *count == 0) {
            return;
        }
        for (status, count) in (FIRST..).zip(&self.statuses) {
            let count = count.get();
            if count > 0 || (served && SHOWN.contains(&status)) {
                let code = status.to_string();
                let labels = [labels[0], labels[1], ("code", &code)];
                requests.add(&labels, count as f64);
            }
        }
        times.distribute(labels, &seen, 1e6);
    }
}
