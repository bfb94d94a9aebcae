//! PostgreSQL's errors, told apart by SQLSTATE.

use deadpool_postgres::PoolError;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::ports::error::StoreError;
use tokio_postgres::error::{Severity, SqlState};

/// Why the database cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It does not answer now; trying again may help.
    #[error("cannot reach the database: {0}")]
    Unreachable(String),
    /// It refused us: a wrong password, role or database name.
    #[error("the database refused the connection: {0}")]
    Refused(String),
    /// TLS is not configured well.
    #[error("TLS to the database: {0}")]
    Tls(String),
    /// The role has rights that would void row-level security, or lacks rights it needs.
    #[error("{0}")]
    Role(String),
    /// The schema is not what this program needs.
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
            Some(code) if is_passing(code) || is_contention(code) => {
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
            other => Self::Unreachable(other.to_string()),
        }
    }
}

// What strongroom_check_generations raises.
const ORGANIZATION_GONE: &str = "SR001";
const RETIRED_KEY: &str = "SR002";

/// The database's failure in the domain's terms, told apart by SQLSTATE.
pub(crate) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    let database = error.as_db_error();
    match database.map(tokio_postgres::error::DbError::code) {
        Some(&SqlState::UNIQUE_VIOLATION) => StoreError::Conflict,
        Some(code) if code.code() == ORGANIZATION_GONE => StoreError::OrganizationGone,
        Some(code) if code.code() == RETIRED_KEY => StoreError::RetiredKey,
        Some(code) if is_contention(code) => StoreError::Contended(described(error)),
        Some(code) if is_passing(code) && database.is_some_and(goes_on) => {
            StoreError::PartUnavailable(described(error))
        }
        Some(code) if is_passing(code) => StoreError::Unavailable(described(error)),
        Some(_) => StoreError::Internal(described(error)),
        None => StoreError::Unavailable(described(error)),
    }
}

pub(crate) fn pool_error(error: &PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => StoreError::Unavailable(described(error)),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// What is wrong with the database when a statement fails so; nothing when the statement alone is.
pub(crate) fn condition(error: &tokio_postgres::Error) -> Option<Condition> {
    let Some(database) = error.as_db_error() else {
        return Some(Condition::ConnectionLost);
    };
    let code = database.code();
    let fine = *code == SqlState::UNIQUE_VIOLATION
        || [ORGANIZATION_GONE, RETIRED_KEY].contains(&code.code());
    match code {
        _ if fine => None,
        &SqlState::QUERY_CANCELED | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            Some(Condition::Slow)
        }
        _ if is_contention(code) => None,
        _ if goes_on(database) => Some(Condition::PartAway),
        _ => Some(of_class(code)),
    }
}

/// The same when no connection could be made.
pub(crate) fn connecting_condition(error: &tokio_postgres::Error) -> Condition {
    match error.as_db_error() {
        Some(database) => of_class(database.code()),
        None => Condition::Unreachable,
    }
}

// Classes: PostgreSQL manual, appendix A.
fn of_class(code: &SqlState) -> Condition {
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

/// Whether another session's work stood in the way of this statement, and not the server as a whole. Class 40
/// is transaction rollback (PostgreSQL manual, appendix A).
fn is_contention(code: &SqlState) -> bool {
    const CODES: [SqlState; 2] = [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE];
    CODES.contains(code) || code.code().starts_with("40")
}

/// Whether the cause lies around the statement and not in it: the same statement may succeed later. Classes:
/// 08 connection, 53 insufficient resources, 57P operator intervention, 58 system error.
fn is_passing(code: &SqlState) -> bool {
    const CODES: [SqlState; 2] = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    const CLASSES: [&str; 4] = ["08", "53", "57P", "58"];
    CODES.contains(code) || CLASSES.iter().any(|class| code.code().starts_with(class))
}

/// Whether the server that says so goes on with this session, as a coordinator does that has lost a worker.
fn goes_on(error: &tokio_postgres::error::DbError) -> bool {
    let lost = error.code().code().starts_with("08") || error.code().code().starts_with("57P");
    lost && error.parsed_severity() == Some(Severity::Error)
}

/// Message and SQLSTATE, or the I/O error; tokio-postgres's own text says only "db error".
fn described(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} (SQLSTATE {})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_has_its_name() {
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
            assert_eq!(of_class(&SqlState::from_code(code)), condition, "{code}");
        }
    }
}
