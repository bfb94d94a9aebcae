//! The database role of the servers.

use deadpool_postgres::Object;
use tokio_postgres::Client;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::quote::{quote_ident, quote_literal};
use crate::schema::migrate::check_encoding;

/// The rights of the servers' role. It owns nothing, and cannot alter or drop a table or policy.
pub(crate) const GRANTS: &str = "\
grant usage on schema public to {role};
grant select on schema_migrations, audit_checkpoints, key_epoch, record_format to {role};
grant select, insert on audit_events, root_keys, service_keys, organizations, \
org_keys, api_keys, organization_ancestors, oauth_clients, access_tokens, \
console_sessions to {role};
grant update (state) on root_keys to {role};
grant update (format, since) on record_format to {role};
grant update (root_key_id, wrapped_key) on service_keys to {role};
grant update (name, deleted_at, destroy_after, destroyed_at) on organizations to {role};
grant update (active, root_key_id, wrapped_key), delete on org_keys to {role};
grant update (revoked_at, digest, ends_at, end_proof) on api_keys to {role};
grant update (name, limits, access_token_duration, version, digest, proof, deleted_at) \
on oauth_clients to {role};
grant delete on access_tokens, console_sessions to {role};
grant update (last_seen_at) on console_sessions to {role};
grant select, insert, delete on relay_policies to {role};
grant update (version, updated_at, key_generation, wrapped_key, sealed_policy, digest) \
on relay_policies to {role};
grant select, insert, update on root_rotations, scrub_results to {role};
grant select, insert, delete on audit_roots, audit_root_leaves to {role};
grant select, insert, update, delete on credentials, credential_versions, credential_uses, \
key_uses, daily_totals, rotations, \
servers, operations, idempotency_keys to {role};
grant execute on function strongroom_check_generations(uuid[], integer[]), \
strongroom_check_uses(uuid[], uuid[], text[]), \
strongroom_ensure_audit_partitions() to {role};";

/// The result of [`grant_app_role`].
#[derive(Debug, PartialEq, Eq)]
pub enum AppRole {
    /// The role exists and has its rights.
    Granted,
    /// The connection's role cannot create it: an administrator must run these statements.
    RunYourself(String),
}

/// Creates `role` unless it exists, and grants it the rights of a server.
///
/// # Errors
/// [`ConnectError::Role`] if row-level security does not apply to the role.
pub async fn grant_app_role(
    database: &Database,
    role: &str,
    password: Option<&str>,
) -> Result<AppRole, ConnectError> {
    let client = database.setup_client().await?;
    let quoted = quote_ident(role);
    let grants = GRANTS.replace("{role}", &quoted);
    let existing = client
        .query_opt(
            "select rolsuper or rolbypassrls or pg_has_role(oid, (select relowner from pg_class \
             where oid = 'credentials'::regclass), 'member') from pg_roles where rolname = $1",
            &[&role],
        )
        .await?;
    if existing.is_some_and(|row| row.get(0)) {
        return Err(ConnectError::Role(format!(
            "the role {role} is a superuser, has BYPASSRLS or is (a member of) the tables' owner: \
             row-level security would not bind it. Name another role."
        )));
    }
    if !role_exists(&client, role).await? {
        if !may_create_roles(&client).await? {
            let sql = format!("create role {quoted} login;\n{grants}");
            return Ok(AppRole::RunYourself(sql));
        }
        client
            .batch_execute(&format!("create role {quoted} login"))
            .await?;
    }
    if let Some(password) = password {
        let password = quote_literal(password);
        client
            .batch_execute(&format!("alter role {quoted} password {password}"))
            .await?;
    }
    let revoke = format!("revoke create on schema public from {quoted}");
    client
        .batch_execute(&format!("{revoke};\n{grants}"))
        .await?;
    Ok(AppRole::Granted)
}

async fn role_exists(client: &Object, role: &str) -> Result<bool, ConnectError> {
    let row = client
        .query_opt("select from pg_roles where rolname = $1", &[&role])
        .await?;
    Ok(row.is_some())
}

async fn may_create_roles(client: &Object) -> Result<bool, ConnectError> {
    let row = client
        .query_one(
            "select rolsuper or rolcreaterole from pg_roles where rolname = current_user",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// Checks the encoding, and that row-level security applies to the connection's role and is forced
/// on every tenant table.
///
/// # Errors
/// [`ConnectError::Role`] with the cause and the remedy.
pub async fn check_serving_role(database: &Database) -> Result<(), ConnectError> {
    let client = database.setup_client().await?;
    check_encoding(&client).await?;
    let roles = crate::doctor::access::roles(&client).await?;
    let name = roles.first().map_or("", |role| role.name.as_str());
    let refused = |why: &str| {
        Err(ConnectError::Role(format!(
            "refusing to serve as database role {name}: it {why}, so row-level security would \
                 not bind it. \
             Make a role for servers with `strongroom migrate --app-role NAME` and name it in \
             database_url."
        )))
    };
    if roles.iter().any(|role| role.superuser) {
        return refused("is a superuser, or can become one");
    }
    if roles.iter().any(|role| role.bypass_rls) {
        return refused("has BYPASSRLS, or can become a role that has");
    }
    if roles.iter().any(|role| !role.tables.is_empty()) {
        return refused("owns tables, or can become their owner");
    }
    if roles.iter().any(|role| role.creates_objects) {
        return Err(ConnectError::Role(format!(
            "refusing to serve as database role {name}: it can create objects in the schema \
             public, and so replace what functions of the owner call. Run as a superuser: \
             REVOKE CREATE ON SCHEMA public FROM PUBLIC, {};",
            quote_ident(name)
        )));
    }
    check_tables(&client).await
}

/// Checks that row-level security is forced on every tenant table, and that no policy admits other
/// rows than those of the migrations.
async fn check_tables(client: &Client) -> Result<(), ConnectError> {
    let tables = crate::doctor::access::tenant_tables(client).await?;
    let unprotected = tables
        .iter()
        .filter(|table| !(table.enabled && table.forced));
    let names: Vec<&str> = unprotected.map(|table| table.name.as_str()).collect();
    if !names.is_empty() {
        let tables = names.join(", ");
        return Err(ConnectError::Role(format!(
            "refusing to serve: forced row-level security is off on {tables}. Turn it on again \
             with ALTER TABLE … ENABLE ROW LEVEL SECURITY and ALTER TABLE … FORCE ROW LEVEL \
             SECURITY."
        )));
    }
    let deviations = crate::doctor::access::policy_deviations(client, &tables).await?;
    let Some(loose) = deviations.iter().find(|one| one.loosens) else {
        return Ok(());
    };
    Err(ConnectError::Role(format!(
        "refusing to serve: the policy {} on {} can admit rows of other organizations. Run as the \
         owner of the table: {}",
        loose.policy, loose.table, loose.remedy
    )))
}
