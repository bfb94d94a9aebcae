//! What is set up before a server runs: tables, roles, partitions.

pub(crate) mod migrate;
pub(crate) mod partitions;
pub(crate) mod roles;
