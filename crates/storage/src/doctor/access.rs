//! The database role of the servers, and the tables that it can reach.

use tokio_postgres::{Client, Row};

use crate::connect::error::ConnectError;
use crate::doctor::Inspection;
use crate::doctor::policies::{Deviation, Policy, deviations};
use crate::sql::doctor as sql;

/// The role of a session, or a role that it can become.
#[derive(Debug, Clone, Default)]
pub struct HeldRole {
    /// Its name.
    pub name: String,
    /// Whether it is the session's own role.
    pub own: bool,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether it has BYPASSRLS.
    pub bypass_rls: bool,
    /// Whether it has CREATEROLE: before PostgreSQL 16, it can become any role but a superuser.
    pub create_role: bool,
    /// Whether it has REPLICATION: it can copy all files of the cluster.
    pub replication: bool,
    /// Tables in the schema `public` that it owns.
    pub tables: Vec<String>,
    /// Whether it owns the schema `public`, and so can drop its objects.
    pub owns_schema: bool,
    /// Whether it owns the database.
    pub owns_database: bool,
    /// Whether it can create objects in the schema `public`.
    pub creates_objects: bool,
}

/// A table or partition with rows of organizations.
#[derive(Debug, Clone)]
pub struct TenantTable {
    /// Its name.
    pub name: String,
    /// Whether row-level security is on.
    pub enabled: bool,
    /// Whether it binds the table's owner as well.
    pub forced: bool,
}

/// The roles of the session, its own one first.
pub(crate) async fn roles(client: &Client) -> Result<Vec<HeldRole>, ConnectError> {
    let rows = client.query(sql::ROLES, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(HeldRole {
                name: row.try_get("name")?,
                own: row.try_get("own")?,
                superuser: row.try_get("rolsuper")?,
                bypass_rls: row.try_get("rolbypassrls")?,
                create_role: row.try_get("rolcreaterole")?,
                replication: row.try_get("rolreplication")?,
                tables: row.try_get("tables")?,
                owns_schema: row.try_get("owns_schema")?,
                owns_database: row.try_get("owns_database")?,
                creates_objects: row.try_get("creates_objects")?,
            })
        })
        .collect()
}

/// All tenant tables and partitions.
pub(crate) async fn tenant_tables(client: &Client) -> Result<Vec<TenantTable>, ConnectError> {
    let rows = client.query(sql::TENANT_TABLES, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(TenantTable {
                name: row.try_get("name")?,
                enabled: row.try_get("enabled")?,
                forced: row.try_get("forced")?,
            })
        })
        .collect()
}

/// The differences between the policies of `tables` and those of the migrations.
pub(crate) async fn policy_deviations(
    client: &Client,
    tables: &[TenantTable],
) -> Result<Vec<Deviation>, ConnectError> {
    let rows = client.query(sql::POLICIES, &[]).await?;
    let policies: Result<Vec<_>, ConnectError> = rows.iter().map(policy).collect();
    let tables: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let sharded = client.query_one(sql::SHARDED, &[]).await?;
    let sharded: bool = sharded.try_get("sharded")?;
    Ok(deviations(&tables, &policies?, sharded))
}

fn policy(row: &Row) -> Result<Policy, ConnectError> {
    Ok(Policy {
        table: row.try_get("table_name")?,
        name: row.try_get("name")?,
        permissive: row.try_get("permissive")?,
        command: row.try_get("command")?,
        everyone: row.try_get("everyone")?,
        using: row.try_get("using_expression")?,
        check: row.try_get("check_expression")?,
    })
}

impl Inspection {
    /// The session's role, and the roles that it can become.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn roles(&self) -> Result<Vec<HeldRole>, ConnectError> {
        crate::doctor::with_timeout(self.timeout, roles(&self.client)).await
    }

    /// All tenant tables and partitions.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn tenant_tables(&self) -> Result<Vec<TenantTable>, ConnectError> {
        crate::doctor::with_timeout(self.timeout, tenant_tables(&self.client)).await
    }

    /// The differences between the policies of `tables` and those of the migrations.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn policy_deviations(
        &self,
        tables: &[TenantTable],
    ) -> Result<Vec<Deviation>, ConnectError> {
        let compared = policy_deviations(&self.client, tables);
        crate::doctor::with_timeout(self.timeout, compared).await
    }
}
