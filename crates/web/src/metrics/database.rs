use prometheus::proto::MetricFamily;
use strongroom_domain::health::counters::{Counters, DatabaseCounts, Failure};
use strongroom_domain::health::status::{PoolStatus, StoreStatus};

use crate::metrics::family::Family;

fn number(value: usize) -> f64 {
    value as f64
}

/// The connections and transactions of each database, and all conditions.
pub(super) fn families(counters: &Counters) -> Vec<MetricFamily> {
    let databases = [
        ("primary", &counters.primary),
        ("region", &counters.replica),
    ];
    let mut families = conditions(counters);
    families.extend(connections(&databases));
    let mut failed = Family::counter(
        "strongroom_transactions_failed_total",
        "Failed transactions, by database and by the consequence for their requests.",
    );
    for (database, counts) in databases {
        for (kind, count) in Failure::NAMES.iter().zip(&counts.failures) {
            let labels = [("database", database), ("kind", kind)];
            failed.add(&labels, count.get() as f64);
        }
    }
    families.push(failed.finish());
    families
}

fn connections(databases: &[(&str, &DatabaseCounts)]) -> [MetricFamily; 2] {
    let mut established = Family::counter(
        "strongroom_database_connections_total",
        "Connections to a database that were established.",
    );
    let mut failed = Family::counter(
        "strongroom_database_connect_failures_total",
        "Attempts to connect to a database that failed.",
    );
    for (database, counts) in databases {
        let (labels, outcomes) = ([("database", *database)], &counts.connections);
        established.add(&labels, outcomes.succeeded.get() as f64);
        failed.add(&labels, outcomes.failed.get() as f64);
    }
    [established.finish(), failed.finish()]
}

fn conditions(counters: &Counters) -> Vec<MetricFamily> {
    let mut active = Family::gauge(
        "strongroom_condition_active",
        "Whether the condition is active (1) or not (0); the log has one line with the cause.",
    );
    let mut failures = Family::counter(
        "strongroom_condition_failures_total",
        "Failures that the condition caused, including those of short ones.",
    );
    let all = [
        ("primary", &counters.primary.conditions),
        ("region", &counters.replica.conditions),
        ("server", &counters.conditions),
    ];
    for (of, conditions) in all {
        for (condition, is_active, count) in conditions.all() {
            if condition.is_of_database() == (of == "server") {
                continue;
            }
            let labels = [("of", of), ("condition", condition.name())];
            active.add(&labels, f64::from(u8::from(is_active)));
            failures.add(&labels, count as f64);
        }
    }
    vec![active.finish(), failures.finish()]
}

/// The queues and connection pools of a store.
pub(super) fn store_families(status: &StoreStatus) -> Vec<MetricFamily> {
    let mut families = queues(status);
    families.extend(pools(&status.pools));
    families
}

fn queues(status: &StoreStatus) -> Vec<MetricFamily> {
    let mut waiting = Family::gauge(
        "strongroom_queue_waiting",
        "Requests that wait for the next batch, by queue.",
    );
    let mut capacity = Family::gauge(
        "strongroom_queue_capacity",
        "Maximum number of waiting requests; further ones are refused.",
    );
    let mut refused = Family::counter(
        "strongroom_queue_refused_total",
        "Requests that were refused because the queue was full.",
    );
    let mut sizes = Family::histogram("strongroom_batch_size", "Requests in each batch, by queue.");
    let mut times = Family::histogram(
        "strongroom_batch_duration_seconds",
        "Time that each batch took in the database, by queue.",
    );
    for queue in &status.queues {
        let labels = [("queue", queue.name)];
        waiting.add(&labels, number(queue.waiting));
        capacity.add(&labels, number(queue.capacity));
        refused.add(&labels, queue.refused as f64);
        sizes.add_distribution(&labels, &queue.sizes, 1.0);
        times.add_distribution(&labels, &queue.times, 1e6);
    }
    let all = [waiting, capacity, refused, sizes, times];
    all.map(Family::finish).into()
}

fn pools(pools: &[PoolStatus]) -> [MetricFamily; 4] {
    let gauge = |name, help, value: fn(&PoolStatus) -> usize| {
        let mut family = Family::gauge(name, help);
        for pool in pools {
            family.add(&[("pool", pool.name)], number(value(pool)));
        }
        family.finish()
    };
    [
        gauge(
            "strongroom_pool_limit",
            "Maximum number of connections in the pool.",
            |pool| pool.limit,
        ),
        gauge(
            "strongroom_pool_connections",
            "Connections in the pool.",
            |pool| pool.size,
        ),
        gauge(
            "strongroom_pool_idle",
            "Unused connections in the pool.",
            |pool| pool.idle,
        ),
        gauge(
            "strongroom_pool_waiting",
            "Requests and tasks that wait for a connection of the pool.",
            |pool| pool.waiting,
        ),
    ]
}
