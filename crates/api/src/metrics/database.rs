use prometheus::proto::MetricFamily;
use strongroom_domain::health::counters::{Counters, DatabaseCounts, Failure};
use strongroom_domain::health::status::{PoolStatus, StoreStatus};

use super::family::Family;

fn number(value: usize) -> f64 {
    value as f64
}

/// What became of each database's connections and transactions, and what is wrong.
pub(super) fn families(counters: &Counters) -> Vec<MetricFamily> {
    let databases = [
        ("primary", &counters.primary),
        ("region", &counters.replica),
    ];
    let mut families = conditions(counters);
    families.extend(connections(&databases));
    let mut failed = Family::counter(
        "strongroom_transactions_failed_total",
        "Transactions that failed, by database and by what that means for the requests in them.",
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
    let mut made = Family::counter(
        "strongroom_database_connections_total",
        "Connections that were made to a database.",
    );
    let mut failed = Family::counter(
        "strongroom_database_connect_failures_total",
        "Tries to connect to a database that failed.",
    );
    for (database, counts) in databases {
        let (labels, tries) = ([("database", *database)], &counts.connections);
        made.add(&labels, tries.succeeded.get() as f64);
        failed.add(&labels, tries.failed.get() as f64);
    }
    [made.finish(), failed.finish()]
}

fn conditions(counters: &Counters) -> Vec<MetricFamily> {
    let mut present = Family::gauge(
        "strongroom_condition_active",
        "Whether something is wrong now (1) or not (0), by what it is wrong with; the log has one line with the cause.",
    );
    let mut failures = Family::counter(
        "strongroom_condition_failures_total",
        "How often it has shown itself.",
    );
    let all = [
        ("primary", &counters.primary.conditions),
        ("region", &counters.replica.conditions),
        ("server", &counters.conditions),
    ];
    for (of, conditions) in all {
        for (condition, there, count) in conditions.all() {
            if condition.is_of_database() == (of == "server") {
                continue;
            }
            let labels = [("of", of), ("condition", condition.name())];
            present.add(&labels, f64::from(u8::from(there)));
            failures.add(&labels, count as f64);
        }
    }
    vec![present.finish(), failures.finish()]
}

/// How the queues and pools of a store stand.
pub(super) fn store_families(status: &StoreStatus) -> Vec<MetricFamily> {
    let mut families = queues(status);
    families.extend(pools(&status.pools));
    families
}

fn queues(status: &StoreStatus) -> Vec<MetricFamily> {
    let mut waiting = Family::gauge(
        "strongroom_queue_waiting",
        "Requests that wait for a batch, by queue.",
    );
    let mut capacity = Family::gauge(
        "strongroom_queue_capacity",
        "How many may wait, before further ones are refused.",
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
        sizes.distribute(&labels, &queue.sizes, 1.0);
        times.distribute(&labels, &queue.times, 1e6);
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
            "Most connections that a pool may have.",
            |pool| pool.limit,
        ),
        gauge(
            "strongroom_pool_connections",
            "Connections that a pool has.",
            |pool| pool.size,
        ),
        gauge(
            "strongroom_pool_idle",
            "Connections of a pool that nobody uses.",
            |pool| pool.idle,
        ),
        gauge(
            "strongroom_pool_waiting",
            "How many wait for a connection of a pool.",
            |pool| pool.waiting,
        ),
    ]
}
