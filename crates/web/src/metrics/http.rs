//! Metrics of requests, by route.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::{Method, StatusCode};
use prometheus::proto::MetricFamily;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::histogram::Histogram;

use crate::metrics::family::Family;

/// The bounds of response times, in microseconds.
const TIMES: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];
/// The first status that is counted, and the number of statuses.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;
/// Statuses that are shown from the start, because alerts observe their increase.
const ALWAYS_SHOWN: [u16; 2] = [500, 503];

/// Metrics of all requests.
pub struct HttpMetrics {
    routes: BTreeMap<String, Arc<RouteMetrics>>,
    /// Requests to unknown paths.
    pub(crate) unknown: Arc<RouteMetrics>,
    in_flight: Count,
    abandoned: Count,
}

/// Metrics of one route. A request finds them in its route's app data, without a lookup by path.
pub struct RouteMetrics {
    pub(crate) pattern: String,
    methods: Vec<(Method, Counts)>,
    /// Requests with methods that the route does not support.
    other: Counts,
}

struct Counts {
    statuses: Box<[Count]>,
    times: Histogram,
}

impl Default for Counts {
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
            methods: Vec::new(),
            other: Counts::default(),
        }
    }

    /// Counts a request that was answered with `status`, `time` after its head had arrived.
    pub(crate) fn answered(&self, method: &Method, status: StatusCode, time: Duration) {
        let known = self.methods.iter().find(|(known, _)| known == method);
        let counts = known.map_or(&self.other, |(_, counts)| counts);
        let place = usize::from(status.as_u16().saturating_sub(FIRST_STATUS));
        if let Some(count) = counts.statuses.get(place) {
            count.add(1);
        }
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        counts.times.observe(time);
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Counts)> {
        let known = self.methods.iter();
        let known = known.map(|(method, counts)| (method.as_str(), counts));
        known.chain([("other", &self.other)])
    }
}

/// A request in progress. Dropping it before [`Self::answered`] counts the request as abandoned by
/// its sender.
pub(crate) struct InFlight<'m> {
    metrics: &'m HttpMetrics,
    started: Instant,
    answered: bool,
}

impl InFlight<'_> {
    /// Ends the request with a response, and returns the time that it took.
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
    pub(super) fn new(operations: &[(String, Method)]) -> Self {
        let mut routes: BTreeMap<String, RouteMetrics> = BTreeMap::new();
        for (path, method) in operations {
            let route = routes.entry(path.clone());
            let route = route.or_insert_with(|| RouteMetrics::new(path));
            route.methods.push((method.clone(), Counts::default()));
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

    /// The metrics of the route with the pattern `path`.
    #[must_use]
    pub fn route(&self, path: &str) -> Arc<RouteMetrics> {
        self.routes.get(path).unwrap_or(&self.unknown).clone()
    }

    /// Counts a request whose head has arrived.
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
            "Time from a request's head to its response, by route and method.",
        );
        for route in self.routes.values().chain([&self.unknown]) {
            for (method, counts) in route.all() {
                let labels = [("route", route.pattern.as_str()), ("method", method)];
                counts.add_to(&labels, &mut requests, &mut times);
            }
        }
        let in_flight = Family::gauge(
            "strongroom_http_requests_in_flight",
            "Requests in progress.",
        );
        let abandoned = Family::counter(
            "strongroom_http_requests_abandoned_total",
            "Requests whose sender disconnected before the response.",
        );
        vec![
            requests.finish(),
            times.finish(),
            in_flight.of(self.in_flight.get() as f64),
            abandoned.of(self.abandoned.get() as f64),
        ]
    }
}

impl Counts {
    fn add_to(
        &self,
        labels: &[(&'static str, &str); 2],
        requests: &mut Family,
        times: &mut Family,
    ) {
        let is_supported = labels[1].1 != "other";
        let distribution = self.times.distribution();
        if !is_supported && distribution.counts.iter().all(|count| *count == 0) {
            return;
        }
        for (status, count) in (FIRST_STATUS..).zip(&self.statuses) {
            let count = count.get();
            if count > 0 || (is_supported && ALWAYS_SHOWN.contains(&status)) {
                let code = status.to_string();
                let labels = [labels[0], labels[1], ("code", &code)];
                requests.add(&labels, count as f64);
            }
        }
        times.add_distribution(labels, &distribution, 1e6);
    }
}
