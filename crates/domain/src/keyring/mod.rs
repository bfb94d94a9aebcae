//! Keys in memory: root keys, service keys, and each organization's keys.

pub(crate) mod binding;
pub mod error;
pub mod organization;
mod relay;
pub mod root;
pub mod service;
pub mod sources;
pub mod stored;
mod versions;
