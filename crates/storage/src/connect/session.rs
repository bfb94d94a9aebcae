//! The settings of every session.

use std::time::Duration;

/// Longest wait for a lock, in milliseconds. It is short, since one waiting write delays all writes
/// of its batch.
const LOCK_TIMEOUT: &str = "500";

/// The settings of a session, as a statement: poolers such as `PgBouncer` refuse or drop them as
/// parameters of the connection.
///
/// The server enforces the time limits too, so that a transaction whose client vanished holds no
/// lock. Sequential scans are off, since every statement has an index, and a plan made while a
/// table was small must not read the whole table after it has grown. The last setting carries a
/// transaction's scope to the workers of a sharded cluster; PostgreSQL without Citus ignores it.
///
/// A setting in the URL's `options` takes precedence.
pub(super) fn settings(statement_timeout: Duration, options: &str) -> String {
    let timeout = statement_timeout.as_millis().to_string();
    let all = [
        ("statement_timeout", &*timeout),
        ("idle_in_transaction_session_timeout", &timeout),
        ("lock_timeout", LOCK_TIMEOUT),
        ("jit", "off"),
        ("enable_seqscan", "off"),
        ("citus.propagate_set_commands", "'local'"),
    ];
    let ours = all.into_iter().filter(|(name, _)| !options.contains(name));
    ours.map(|(name, value)| format!("set {name} = {value};"))
        .collect()
}

/// Makes PostgreSQL plan each prepared statement once: otherwise it plans many of them at every
/// execution, which takes as long as to run them. It also turns off the join methods that read a
/// whole table, since the table may have been small when the plan was made. A sharded cluster does
/// not support these settings, so there the query changes nothing and returns no row.
pub(super) const PLAN_ONCE: &str = "select \
     set_config('plan_cache_mode', 'force_generic_plan', false), \
     set_config(name, 'off', false) \
     from unnest(array['enable_hashjoin', 'enable_mergejoin', 'enable_material', \
     'enable_memoize']) \
     as off (name) where not exists (select from pg_catalog.pg_extension where extname = 'citus')";
