//! Connections to the databases.

use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::Server;
use strongroom_storage::{ConnectError, Database, DatabaseSettings};

use super::finding::Finding;

/// Connects to a database: a pool, a connection for the checks, and what the server says of itself.
pub(super) async fn connect(
    settings: &DatabaseSettings,
) -> Result<(Database, Inspection, Server), ConnectError> {
    let database = Database::new(settings)?;
    let inspection = Inspection::start(&database).await?;
    let server = inspection.server().await?;
    Ok((database, inspection, server))
}

/// The failure to connect to a database.
pub(super) fn unreachable(
    check: &'static str,
    settings: &DatabaseSettings,
    error: &ConnectError,
) -> Finding {
    let shown = settings.url.redacted();
    let advice = match error {
        ConnectError::Refused(_) => {
            "compare role, password and database name in the URL with those of PostgreSQL, and \
             check its pg_hba.conf"
        }
        ConnectError::Tls(_) => "check sslmode and sslrootcert in the URL",
        _ => {
            "check that PostgreSQL is running (`pg_isready -h HOST -p PORT`), that host and port \
             in the URL are right, and that no firewall blocks the connection"
        }
    };
    Finding::failure(check, format!("{shown}: {error}"), advice)
}
