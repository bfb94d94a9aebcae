//! Work that a server does beside requests: one file per worker.

pub(crate) mod api_key_confirmer;
mod attester;
mod audit_roots;
mod daily_totals;
pub(crate) mod job_resumer;
pub(crate) mod last_used;
pub(crate) mod lifecycle;
pub(crate) mod operation_pruner;
mod pause;
pub(crate) mod root_key_reloader;
pub(crate) mod rotations;
mod scrubber;
pub(crate) mod settings;
pub(crate) mod shared_work;
pub(crate) mod tls_reloader;
mod upstream_forgetter;
pub(crate) mod url_reloader;
pub(crate) mod workers;
