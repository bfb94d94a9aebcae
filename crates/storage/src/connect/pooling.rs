//! Whether each connection has a session of its own.

use tokio_postgres::{Client, Error, SimpleQueryMessage};

use crate::connect::database::Database;
use crate::connect::error::ConnectError;

/// How often two connections are asked for their sessions.
const ROUNDS: usize = 3;

/// Checks that each connection has a session of its own, and changes no session.
///
/// # Errors
/// [`ConnectError::Role`] behind a pooler that shares sessions, as `PgBouncer` does unless its
/// `pool_mode` is `session`.
pub async fn check_pooling(database: &Database) -> Result<(), ConnectError> {
    let (first, _first) = database.bare().await?;
    let (second, _second) = database.bare().await?;
    let mut sessions = Vec::new();
    for _ in 0..ROUNDS {
        sessions.push((session_of(&first).await?, session_of(&second).await?));
    }
    let (one, other) = &sessions[0];
    if one != other && sessions.iter().all(|pair| *pair == sessions[0]) {
        return Ok(());
    }
    Err(ConnectError::Role(
        "the database is reached through a pooler that shares sessions between its clients, where \
         notices and session locks cannot work: set pool_mode = session in PgBouncer, or connect \
         to PostgreSQL itself"
            .to_owned(),
    ))
}

// As a simple query, because a pooler that shares sessions may not know prepared statements.
async fn session_of(client: &Client) -> Result<Option<String>, Error> {
    let rows = client.simple_query("select pg_backend_pid()").await?;
    Ok(rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
