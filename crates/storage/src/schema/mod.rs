//! The schema: migrations, the role of the servers, audit partitions.

mod indexes;
pub(crate) mod migrate;
pub(crate) mod migrations;
pub(crate) mod partitions;
pub(crate) mod roles;
