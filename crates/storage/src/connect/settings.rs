//! Settings of a database.

use std::time::Duration;

use crate::connect::url::DatabaseUrl;

/// Settings of the connections to PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The URL of the database.
    pub url: DatabaseUrl,
    /// Most open connections.
    pub pool_size: usize,
    /// Longest time to establish a connection, and longest wait for a free one.
    pub connect_timeout: Duration,
    /// Longest time for the statements of one transaction.
    pub statement_timeout: Duration,
}
