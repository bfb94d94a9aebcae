//! Connections to PostgreSQL.

pub(crate) mod database;
pub(crate) mod error;
pub(crate) mod health;
pub(crate) mod pooling;
mod session;
pub(crate) mod tls;
pub(crate) mod url;
