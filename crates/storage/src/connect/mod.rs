//! Connections to PostgreSQL.

pub(crate) mod certificate;
mod connector;
pub(crate) mod database;
pub(crate) mod error;
pub(crate) mod health;
mod mistakes;
mod options;
pub(crate) mod pooling;
mod servers;
mod session;
pub(crate) mod settings;
pub(crate) mod tls;
pub(crate) mod url;
