//! PostgreSQL's errors, classified by SQLSTATE.

use deadpool_postgres::{PoolError, TimeoutType};
use strongroom_domain::health::condition::Condition;
use strongroom_domain::ports::error::StoreError;
use tokio_postgres::error::{Severity, SqlState};

use crate::connect::certificate::{explain_tls, rustls_error};
use crate::connect::url::DatabaseUrl;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not respond; a retry may succeed.
    #[error("cannot reach the database: {0}")]
    Unreachable(String),
    /// It refused the connection: a wrong password, role or database name.
    #[error("the database refused the connection: {0}")]
    Refused(String),
    /// TLS is misconfigured.
    #[error("TLS to the database: {0}")]
    Tls(String),
    /// The role has rights that bypass row-level security, or lacks required rights.
    #[error("{0}")]
    Role(String),
    /// The schema does not fit this program.
    #[error("{0}")]
    Schema(String),
    /// A statement failed.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl From<tokio_postgres::Error> for ConnectError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error
            .as_db_error()
            .map(tokio_postgres::error::DbError::code)
        {
            Some(code) if is_transient(code) || is_contention(code) => {
                Self::Unreachable(described(&error))
            }
            Some(code)
                if [
                    SqlState::INVALID_PASSWORD,
                    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                    SqlState::INVALID_CATALOG_NAME,
                ]
                .contains(code) =>
            {
                Self::Refused(described(&error))
            }
            Some(_) => Self::Failed(described(&error)),
            None => Self::Unreachable(described(&error)),
        }
    }
}

impl From<PoolError> for ConnectError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => {
                Self::Unreachable("every connection of the pool is in use".into())
            }
            PoolError::Timeout(_) => Self::Unreachable("no connection within the time".into()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl ConnectError {
    /// An error of a connection, with the hosts and ports of `url`.
    pub(crate) fn at(self, url: &DatabaseUrl) -> Self {
        let place = url.redacted();
        match self {
            Self::Unreachable(why) => Self::Unreachable(format!("{place}: {why}")),
            Self::Refused(why) => {
                let hint = url.password_hint().unwrap_or_default();
                Self::Refused(format!("{place}: {why}{hint}"))
            }
            Self::Failed(why) => Self::Failed(format!("{place}: {why}")),
            other => other,
        }
    }
}

/// The condition that a pool without a connection indicates.
pub(crate) fn condition_of_pool(error: &PoolError) -> Condition {
    match error {
        PoolError::Backend(error) => connection_condition(error),
        PoolError::Timeout(TimeoutType::Wait) => Condition::PoolExhausted,
        PoolError::Timeout(TimeoutType::Create) => Condition::Unreachable,
        _ => Condition::ConnectionLost,
    }
}

// SQLSTATEs that strongroom_check_generations and strongroom_check_uses raise.
const ORGANIZATION_GONE: &str = "SR001";
const RETIRED_KEY: &str = "SR002";
const OUTDATED_ROW: &str = "SR004";

/// The domain's error for an error of the database.
pub(crate) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    let database = error.as_db_error();
    match database.map(tokio_postgres::error::DbError::code) {
        Some(&SqlState::UNIQUE_VIOLATION) => StoreError::Conflict,
        Some(code) if code.code() == ORGANIZATION_GONE => StoreError::OrganizationGone,
        Some(code) if code.code() == RETIRED_KEY => StoreError::RetiredKey,
        Some(code) if code.code() == OUTDATED_ROW => StoreError::OutdatedRow,
        Some(code) if is_contention(code) => StoreError::Contended(described(error)),
        Some(code) if is_transient(code) && database.is_some_and(session_survives) => {
            StoreError::PartUnavailable(described(error))
        }
        Some(code) if is_transient(code) => StoreError::Unavailable(described(error)),
        Some(_) => StoreError::Internal(described(error)),
        None => StoreError::Unavailable(described(error)),
    }
}

/// The condition that a failed statement indicates; `None` if only the statement is at fault.
pub(crate) fn condition(error: &tokio_postgres::Error) -> Option<Condition> {
    let Some(database) = error.as_db_error() else {
        return Some(Condition::ConnectionLost);
    };
    let code = database.code();
    let expected = *code == SqlState::UNIQUE_VIOLATION
        || [ORGANIZATION_GONE, RETIRED_KEY, OUTDATED_ROW].contains(&code.code());
    match code {
        _ if expected => None,
        &SqlState::QUERY_CANCELED | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            Some(Condition::Slow)
        }
        _ if is_contention(code) => None,
        _ if session_survives(database) => Some(Condition::PartAway),
        _ => Some(condition_of_code(code)),
    }
}

/// The condition that a failed connection attempt indicates.
pub(super) fn connection_condition(error: &tokio_postgres::Error) -> Condition {
    match error.as_db_error() {
        Some(database) => condition_of_code(database.code()),
        None => Condition::Unreachable,
    }
}

// Error classes: PostgreSQL manual, appendix A.
fn condition_of_code(code: &SqlState) -> Condition {
    match *code {
        SqlState::TOO_MANY_CONNECTIONS => Condition::TooManyConnections,
        SqlState::DISK_FULL => Condition::DiskFull,
        SqlState::READ_ONLY_SQL_TRANSACTION => Condition::ReadOnly,
        SqlState::INVALID_CATALOG_NAME => Condition::Denied,
        _ => match code.code().get(..2) {
            Some("57") => Condition::Restarting,
            Some("53") => Condition::Exhausted,
            Some("28") => Condition::Denied,
            Some("08") => Condition::ConnectionLost,
            _ => Condition::StatementFailed,
        },
    }
}

/// Whether another session's work blocked the statement. Class 40 is transaction rollback
/// (PostgreSQL manual, appendix A).
fn is_contention(code: &SqlState) -> bool {
    const CODES: [SqlState; 2] = [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE];
    CODES.contains(code) || code.code().starts_with("40")
}

/// Whether the same statement may succeed later. Classes: 08 connection, 53 insufficient resources,
/// 57P operator intervention, 58 system error.
fn is_transient(code: &SqlState) -> bool {
    const CODES: [SqlState; 2] = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    const CLASSES: [&str; 4] = ["08", "53", "57P", "58"];
    CODES.contains(code) || CLASSES.iter().any(|class| code.code().starts_with(class))
}

/// Whether the session continues after the error, as that of a coordinator does that lost a worker.
fn session_survives(error: &tokio_postgres::error::DbError) -> bool {
    let lost = error.code().code().starts_with("08") || error.code().code().starts_with("57P");
    lost && error.parsed_severity() == Some(Severity::Error)
}

/// Message and SQLSTATE, or the I/O error; the text of tokio-postgres is only "db error".
fn described(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => match rustls_error(source) {
                Some(refused) => format!("{error}: {}", explain_tls(refused)),
                None => format!("{error}: {source}"),
            },
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_map_to_conditions() {
        for (code, condition) in [
            ("53100", Condition::DiskFull),
            ("53200", Condition::Exhausted),
            ("53300", Condition::TooManyConnections),
            ("57P01", Condition::Restarting),
            ("57P03", Condition::Restarting),
            ("25006", Condition::ReadOnly),
            ("28P01", Condition::Denied),
            ("3D000", Condition::Denied),
            ("08006", Condition::ConnectionLost),
            ("42501", Condition::StatementFailed),
            ("58030", Condition::StatementFailed),
        ] {
            assert_eq!(
                condition_of_code(&SqlState::from_code(code)),
                condition,
                "{code}"
            );
        }
    }
}
