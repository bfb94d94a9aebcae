//! Runs migrations, and compares the schema with them.

use std::collections::BTreeMap;
use std::time::Duration;

use refinery::{Migration, Runner};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::connect::pooling::check_pooling;
use crate::quote::quote_ident;
use crate::schema::indexes::build_indexes;
use crate::schema::migrations::MIGRATIONS;

/// The table of applied migrations.
const HISTORY: &str = "schema_migrations";
/// Prevents concurrent runs of `strongroom migrate`.
const LOCK: &str = "select pg_try_advisory_lock(7361982640128)";

/// How often a run that waits for another one looks whether that has ended.
const LOCK_INTERVAL: Duration = Duration::from_millis(200);

/// No timeouts: a migration of a large table takes long, and the lock waits for another run. The
/// last setting lets a sharded cluster create and alter several tables in one transaction;
/// PostgreSQL without Citus ignores it.
const SESSION: &str = "set statement_timeout = 0; set lock_timeout = 0; \
     set citus.multi_shard_modify_mode = 'sequential'";

/// Before PostgreSQL 15, and in databases that come from such a version, every role can create
/// objects in the schema. Without the right to revoke that, PostgreSQL only warns.
const REVOKE_CREATE: &str = "revoke create on schema public from public";

/// The result of [`migrate`].
#[derive(Debug)]
pub struct Migrated {
    /// The names of the applied migrations.
    pub applied: Vec<String>,
    /// The schema's version after the run.
    pub version: i32,
}

/// Applies the missing migrations. The URL's role becomes the owner of the tables.
///
/// # Errors
/// [`ConnectError`]. A failed migration is rolled back.
pub async fn migrate(database: &Database) -> Result<Migrated, ConnectError> {
    check_pooling(database).await?;
    let (mut client, connection) = database.dedicated(|| {}).await?;
    client.batch_execute(SESSION).await?;
    check_encoding(&client).await?;
    take_lock(&client).await?;
    let runner = runner()?;
    let latest = runner.get_migrations().iter().map(Migration::version).max();
    let latest = latest.unwrap_or_default();
    let report = runner.run_async(&mut client).await.map_err(failed)?;
    build_indexes(&client).await?;
    if let Err(error) = client.batch_execute(REVOKE_CREATE).await {
        tracing::debug!(%error, "the right to create objects stays with every role");
    }
    drop(client);
    let _ = connection.await;
    Ok(Migrated {
        applied: report
            .applied_migrations()
            .iter()
            .map(|migration| file_name(migration.version(), migration.name()))
            .collect(),
        version: latest,
    })
}

// A statement that waits for the lock would keep the other run from building indexes, which waits
// for all statements.
async fn take_lock(client: &Client) -> Result<(), ConnectError> {
    while !client.query_one(LOCK, &[]).await?.try_get::<_, bool>(0)? {
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
    Ok(())
}

/// Checks that the database stores UTF-8. In any other encoding, labels and names can be refused or
/// altered.
///
/// # Errors
/// [`ConnectError::Schema`] with the encoding and the remedy.
pub(crate) async fn check_encoding(client: &Client) -> Result<(), ConnectError> {
    let row = client.query_one("show server_encoding", &[]).await?;
    let encoding: String = row.try_get(0)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(ConnectError::Schema(format!(
        "the encoding of the database is {encoding}, and must be UTF8: create the database with \
         `createdb --encoding=UTF8 --template=template0`"
    )))
}

/// The number of this program's migrations that the database lacks. A newer database lacks none, so
/// that older programs continue to run during a rollout.
///
/// # Errors
/// [`ConnectError`].
pub async fn pending_migrations(database: &Database) -> Result<usize, ConnectError> {
    Ok(schema_state(database).await?.missing.len())
}

/// The differences between a database's schema and this program's migrations.
#[derive(Debug, Default)]
pub struct SchemaState {
    /// Migrations of this program that are not applied, such as `0006_operations`.
    pub missing: Vec<String>,
    /// Applied migrations that this program does not have: those of a newer version.
    pub unknown: Vec<String>,
    /// Migrations that were applied with content other than this program's.
    pub changed: Vec<String>,
}

/// Compares the applied migrations with this program's.
///
/// # Errors
/// [`ConnectError`].
pub async fn schema_state(database: &Database) -> Result<SchemaState, ConnectError> {
    let client = database.setup_client().await?;
    let exists = client
        .query_one("select to_regclass($1) is not null", &[&HISTORY])
        .await?;
    let rows = if exists.get::<_, bool>(0) {
        let history = format!("select version, name, checksum from {HISTORY} order by version");
        client.query(&history, &[]).await?
    } else {
        Vec::new()
    };
    let mut applied: BTreeMap<i32, (String, String)> = BTreeMap::new();
    for row in &rows {
        let content = (row.try_get("name")?, row.try_get("checksum")?);
        applied.insert(row.try_get("version")?, content);
    }
    let mut state = SchemaState::default();
    for migration in runner()?.get_migrations() {
        let name = file_name(migration.version(), migration.name());
        match applied.remove(&migration.version()) {
            None => state.missing.push(name),
            Some((_, checksum)) if checksum != migration.checksum().to_string() => {
                state.changed.push(name);
            }
            Some(_) => {}
        }
    }
    state.unknown = applied
        .iter()
        .map(|(version, (name, _))| file_name(*version, name))
        .collect();
    Ok(state)
}

fn file_name(version: i32, name: &str) -> String {
    format!("{version:04}_{name}")
}

/// Creates the database `name` unless it exists. The connection's role needs the right to do so.
///
/// # Errors
/// [`ConnectError`].
pub async fn ensure_database(server: &Database, name: &str) -> Result<(), ConnectError> {
    let client = server.setup_client().await?;
    let existing = client
        .query_opt("select from pg_database where datname = $1", &[&name])
        .await?;
    if existing.is_none() {
        let name = quote_ident(name);
        client
            .batch_execute(&format!("create database {name}"))
            .await?;
    }
    Ok(())
}

fn runner() -> Result<Runner, ConnectError> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql).map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    let mut runner = Runner::new(&migrations).set_abort_missing(false);
    runner.set_migration_table_name(HISTORY);
    Ok(runner)
}

fn failed(error: refinery::Error) -> ConnectError {
    let source = std::error::Error::source(&error);
    let database = source.and_then(|source| source.downcast_ref::<tokio_postgres::Error>());
    match database.and_then(tokio_postgres::Error::as_db_error) {
        Some(db) if *db.code() == SqlState::INSUFFICIENT_PRIVILEGE => ConnectError::Role(format!(
            "migration failed: {}; connect as the owner, the role that first ran `strongroom \
                 migrate`",
            db.message()
        )),
        Some(db) => ConnectError::Schema(format!("migration failed: {}", db.message())),
        None => ConnectError::Schema(format!("migration failed: {error}")),
    }
}
