//! Every statement this crate runs on tenant and service tables. Each one on a tenant table names `org_id`,
//! and a test prepares them all.

mod audit;

pub use audit::*;

/// Scopes the transaction to organisations.
pub const ENTER: &str = "select strongroom_enter($1::uuid[])";
/// Opens the transaction to the listing of organisations.
pub const ENTER_LISTING: &str = "select strongroom_enter_listing()";

/// All root keys, oldest first.
pub const ROOT_KEYS: &str = "select root_key_id, check_value, kdf_salt, kdf_memory_kib, kdf_passes, kdf_lanes, \
     created_at from root_keys order by created_at, root_key_id";
/// The first root key, when there is none yet.
pub const ROOT_KEY_INSERT_FIRST: &str = "insert into root_keys \
     (root_key_id, check_value, kdf_salt, kdf_memory_kib, kdf_passes, kdf_lanes, created_at) \
     select $1::uuid, $2::bytea, $3::bytea, $4::integer, $5::integer, $6::integer, $7::timestamptz \
     where not exists (select from root_keys)";
/// Serialises servers that meet an empty database; held to the end of the transaction.
pub const ROOT_KEY_LOCK: &str = "select pg_advisory_xact_lock(7361982640127)";
/// All service keys.
pub const SERVICE_KEYS: &str = "select purpose, root_key_id, wrapped_key from service_keys";
/// A service key, unless its purpose has one.
pub const SERVICE_KEY_INSERT: &str = "insert into service_keys (purpose, root_key_id, wrapped_key) \
     values ($1, $2, $3) on conflict (purpose) do nothing";

/// A new organisation.
pub const ORGANIZATION_INSERT: &str =
    "insert into organizations (org_id, name, created_at) values ($1, $2, $3)";
/// Every organisation, oldest first.
pub const ORGANIZATIONS: &str =
    "select org_id, name, created_at from organizations order by created_at, org_id";
/// Whether an organisation exists.
pub const ORGANIZATION: &str = "select org_id from organizations where org_id = $1";
/// A generation of an organisation's key.
pub const ORG_KEY_INSERT: &str = "insert into org_keys \
     (org_id, generation, root_key_id, wrapped_key, active, created_at) values ($1, $2, $3, $4, $5, $6)";
/// All generations of an organisation's key.
pub const ORG_KEYS: &str = "select generation, root_key_id, wrapped_key, active from org_keys \
     where org_id = $1 order by generation";
/// The active generations of several organisations.
pub const ACTIVE_GENERATIONS: &str =
    "select org_id, generation from org_keys where org_id = any($1) and active";

/// A new API key.
pub const API_KEY_INSERT: &str = "insert into api_keys \
     (org_id, key_id, role, name, digest, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
/// One API key.
pub const API_KEY: &str = "select key_id, role, name, digest, created_at, expires_at, revoked_at \
     from api_keys where org_id = $1 and key_id = $2";
/// All API keys of an organisation, oldest first.
pub const API_KEYS: &str = "select key_id, role, name, digest, created_at, expires_at, revoked_at \
     from api_keys where org_id = $1 order by created_at, key_id";
/// Revokes an API key, keeping the time of the first revocation. Its digest goes, so that setting the time
/// back to null does not bring the key back.
pub const API_KEY_REVOKE: &str = "update api_keys set revoked_at = coalesce(revoked_at, $3), digest = '' \
     where org_id = $1 and key_id = $2";
/// Tells every listening server to forget the API keys it looked up.
pub const API_KEYS_CHANGED: &str = "select pg_notify('strongroom_api_keys', '')";

/// Several credentials by (organisation, id).
pub const CREDENTIALS: &str = "select c.org_id, c.cred_id, c.provider, c.cred_type, c.label, c.version, \
     c.key_generation, c.wrapped_key, c.sealed_blob, c.updated_at, c.pieces_user \
     from credentials c join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, cred_id) \
     on c.org_id = wanted.org_id and c.cred_id = wanted.cred_id";
/// Several credentials of one organisation, locked until the transaction ends; those that another transaction
/// holds are left out.
pub const CREDENTIALS_LOCK: &str = "select org_id, cred_id, provider, cred_type, label, version, \
     key_generation, wrapped_key, sealed_blob, updated_at, pieces_user from credentials \
     where org_id = $1 and cred_id = any($2) order by cred_id for update skip locked";
/// Which of several credentials of one organisation exist.
pub const CREDENTIALS_EXISTING: &str =
    "select cred_id from credentials where org_id = $1 and cred_id = any($2)";
/// The credential of a user of the Pieces surface.
pub const CREDENTIAL_OF_USER: &str = "select org_id, cred_id, provider, cred_type, label, version, \
     key_generation, wrapped_key, sealed_blob, updated_at, pieces_user from credentials \
     where org_id = $1 and pieces_user = $2";
/// Writes a credential's next version.
pub const CREDENTIAL_UPDATE: &str = "update credentials set label = $3, version = $4, key_generation = $5, \
     wrapped_key = $6, sealed_blob = $7, updated_at = $8 where org_id = $1 and cred_id = $2";
/// Deletes several credentials of one organisation.
pub const CREDENTIALS_DELETE: &str =
    "delete from credentials where org_id = $1 and cred_id = any($2)";
/// Deletes a thousand credentials of one organisation.
pub const CREDENTIALS_DELETE_SOME: &str = "delete from credentials where org_id = $1 and cred_id = any(array( \
     select cred_id from credentials where org_id = $1 order by cred_id limit 1000)) \
     returning cred_id, version";

macro_rules! listing {
    ($columns:literal, $rest:literal) => {
        concat!(
            "select ",
            $columns,
            " from credentials where org_id = $1 \
             and ($2::text is null or provider = $2) \
             and ($3::text is null or cred_type = $3) \
             and ($4::text is null or label = $4)",
            $rest
        )
    };
}
/// How many credentials match a filter.
pub const CREDENTIALS_COUNT: &str = listing!("count(*) as total", "");
/// A page of credentials from an offset on.
pub const CREDENTIALS_FROM: &str = listing!(
    "cred_id, provider, cred_type, label",
    " order by cred_id limit $5 offset $6"
);
/// A page of credentials after an id.
pub const CREDENTIALS_AFTER: &str = listing!(
    "cred_id, provider, cred_type, label",
    " and cred_id > $6 order by cred_id limit $5"
);

/// The heads of the newest lanes of an organisation: walks the key from lane to lane.
pub const LANE_HEADS: &str = "with recursive newest (lane, nth) as ( \
       (select lane, 1 from audit_events where org_id = $1 order by lane desc limit 1) \
       union all \
       select (select e.lane from audit_events e where e.org_id = $1 and e.lane < newest.lane \
               order by e.lane desc limit 1), nth + 1 \
       from newest where newest.lane is not null and nth < 64) \
     select head.lane, head.seq, head.mac from newest, lateral ( \
       select e.lane, e.seq, e.mac from audit_events e where e.org_id = $1 and e.lane = newest.lane \
       order by e.seq desc limit 1) as head \
     order by head.lane";

/// Makes audit partitions ahead of time.
pub const ENSURE_PARTITIONS: &str = "select strongroom_ensure_audit_partitions()";

/// How many rows one INSERT may take; a batch is cut into these, largest first.
const INSERT_SIZES: [usize; 3] = [64, 8, 1];

/// An INSERT of several rows, prepared at a few fixed sizes.
#[derive(Debug)]
pub struct Insert {
    /// Parameters per row.
    pub columns: usize,
    statements: [(usize, &'static str); 3],
}

impl Insert {
    /// The largest prepared statement for at most `rows` rows, with its number of rows.
    #[must_use]
    pub fn for_rows(&self, rows: usize) -> (usize, &'static str) {
        let fitting = self.statements.iter().find(|(size, _)| *size <= rows);
        *fitting.unwrap_or(&self.statements[2])
    }

    fn new(table: &str, columns: &[&str]) -> Self {
        let statement = |rows: usize| {
            let tuples: Vec<_> = (0..rows).map(|row| tuple(row, columns.len())).collect();
            let (columns, tuples) = (columns.join(", "), tuples.join(", "));
            let sql = format!("insert into {table} ({columns}) values {tuples}");
            // Made once per process.
            (rows, &*Box::leak(sql.into_boxed_str()))
        };
        Self {
            columns: columns.len(),
            statements: INSERT_SIZES.map(statement),
        }
    }
}

fn tuple(row: usize, columns: usize) -> String {
    let params: Vec<_> = (1..=columns)
        .map(|column| format!("${}", row * columns + column))
        .collect();
    format!("({})", params.join(", "))
}

/// New credentials.
pub static CREDENTIALS_INSERT: std::sync::LazyLock<Insert> = std::sync::LazyLock::new(|| {
    Insert::new(
        "credentials",
        &[
            "org_id",
            "cred_id",
            "provider",
            "cred_type",
            "label",
            "version",
            "key_generation",
            "wrapped_key",
            "sealed_blob",
            "updated_at",
            "pieces_user",
        ],
    )
});

/// Audit events.
pub static AUDIT_INSERT: std::sync::LazyLock<Insert> = std::sync::LazyLock::new(|| {
    Insert::new(
        "audit_events",
        &[
            "org_id",
            "lane",
            "seq",
            "at",
            "action",
            "outcome",
            "actor",
            "request_id",
            "source",
            "cred_id",
            "key_id",
            "version",
            "digest",
            "heads",
            "mac",
        ],
    )
});

/// Every statement, with a name, for the test that prepares them.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("ENTER", ENTER),
        ("ENTER_LISTING", ENTER_LISTING),
        ("ROOT_KEYS", ROOT_KEYS),
        ("ROOT_KEY_INSERT_FIRST", ROOT_KEY_INSERT_FIRST),
        ("ROOT_KEY_LOCK", ROOT_KEY_LOCK),
        ("SERVICE_KEYS", SERVICE_KEYS),
        ("SERVICE_KEY_INSERT", SERVICE_KEY_INSERT),
        ("ORGANIZATION_INSERT", ORGANIZATION_INSERT),
        ("ORGANIZATIONS", ORGANIZATIONS),
        ("ORGANIZATION", ORGANIZATION),
        ("ORG_KEY_INSERT", ORG_KEY_INSERT),
        ("ORG_KEYS", ORG_KEYS),
        ("ACTIVE_GENERATIONS", ACTIVE_GENERATIONS),
        ("API_KEY_INSERT", API_KEY_INSERT),
        ("API_KEY", API_KEY),
        ("API_KEYS", API_KEYS),
        ("API_KEY_REVOKE", API_KEY_REVOKE),
        ("API_KEYS_CHANGED", API_KEYS_CHANGED),
        ("CREDENTIALS", CREDENTIALS),
        ("CREDENTIALS_LOCK", CREDENTIALS_LOCK),
        ("CREDENTIALS_EXISTING", CREDENTIALS_EXISTING),
        ("CREDENTIAL_OF_USER", CREDENTIAL_OF_USER),
        ("CREDENTIAL_UPDATE", CREDENTIAL_UPDATE),
        ("CREDENTIALS_DELETE", CREDENTIALS_DELETE),
        ("CREDENTIALS_DELETE_SOME", CREDENTIALS_DELETE_SOME),
        ("CREDENTIALS_COUNT", CREDENTIALS_COUNT),
        ("CREDENTIALS_FROM", CREDENTIALS_FROM),
        ("CREDENTIALS_AFTER", CREDENTIALS_AFTER),
        ("LANE_HEADS", LANE_HEADS),
        ("ENSURE_PARTITIONS", ENSURE_PARTITIONS),
    ];
    all.extend(audit::ALL);
    for insert in [&CREDENTIALS_INSERT, &AUDIT_INSERT] {
        all.extend(insert.statements.iter().map(|(_, sql)| ("INSERT", *sql)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_largest_first() {
        let sizes: Vec<_> = [1, 7, 8, 63, 64, 1000]
            .map(|rows| AUDIT_INSERT.for_rows(rows).0)
            .to_vec();
        assert_eq!(sizes, [1, 1, 8, 8, 64, 64]);
    }

    #[test]
    fn every_statement_on_a_tenant_table_names_org_id() {
        const TENANT_TABLES: [&str; 6] = [
            "organizations",
            "org_keys",
            "api_keys",
            "credentials",
            "audit_events",
            "audit_checkpoints",
        ];
        for (name, sql) in all() {
            let touches = |table: &str| {
                sql.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word == table)
            };
            let reads_catalog = ["PRUNE_OWNER", "PRUNE_PARTITIONS", "PRUNE_LOCK"].contains(&name);
            if !reads_catalog && TENANT_TABLES.iter().any(|table| touches(table)) {
                assert!(sql.contains("org_id"), "{name} does not name org_id");
            }
        }
    }
}
