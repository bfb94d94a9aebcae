//! PostgreSQL's settings, and its connections.

use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::{ConnectionUse, Server, Settings};

use super::finding::{Finding, attempt, or_ok, unchecked};

const CHECK: &str = "postgresql_setting";
const NAMES: [&str; 9] = [
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "data_checksums",
    "wal_level",
    "max_connections",
    "superuser_reserved_connections",
    "reserved_connections",
    "row_security",
];
/// The oldest version that the PostgreSQL project supports, and the version of the tests.
const OLDEST: i32 = 140_000;
const TESTED: i32 = 15;
/// Connections of a server beside its pool: those of the writer and the readers, and one that
/// listens.
const BESIDE_POOL: usize = 5;

/// The connections that the running servers need.
pub(super) struct ConnectionNeeds {
    pub(super) pool_size: usize,
    pub(super) servers: usize,
    pub(super) regions: bool,
}

/// The version and settings of PostgreSQL, and its free connections.
pub(super) async fn findings(
    inspection: &Inspection,
    server: &Server,
    needs: &ConnectionNeeds,
) -> Vec<Finding> {
    let mut findings = vec![version(server), encoding(server)];
    findings.extend(scope(server));
    let settings = match inspection.settings(&NAMES).await {
        Ok(settings) => settings,
        Err(error) => {
            findings.push(unchecked(CHECK, &error.to_string()));
            return findings;
        }
    };
    findings.extend(durable(&settings, needs.regions));
    findings.extend(attempt(
        "connections",
        inspection.connections().await,
        |used| connections(&settings, used, needs),
    ));
    findings
}

fn version(server: &Server) -> Finding {
    let check = "postgresql_version";
    let major = server.version_number / 10_000;
    let found = format!("PostgreSQL {}", server.version);
    if server.version_number < OLDEST {
        let advice = format!("upgrade to PostgreSQL {TESTED}: this version is no longer supported");
        Finding::warning(check, found, advice)
    } else if major == TESTED {
        Finding::ok(check, found)
    } else {
        Finding::note(check, format!("{found}; tests run on {TESTED}"))
    }
}

fn encoding(server: &Server) -> Finding {
    let check = "postgresql_encoding";
    let encoding = &server.encoding;
    if encoding == "UTF8" {
        return Finding::ok(check, "text is UTF-8");
    }
    Finding::failure(
        check,
        format!("the database's encoding is {encoding}: it cannot hold every label and name"),
        "create a database with `createdb --encoding=UTF8 --template=template0`, and restore a \
         backup into it",
    )
}

// A session that begins with a scope can see rows without having chosen an organization.
fn scope(server: &Server) -> Option<Finding> {
    if server.scope.is_empty() {
        return None;
    }
    let role = &server.role;
    Some(Finding::failure(
        "session_scope",
        format!(
            "sessions of {role} begin with strongroom.orgs set: they can see rows without having \
             chosen an organization"
        ),
        format!(
            "remove it where it is set: alter role \"{role}\" reset strongroom.orgs; \
             alter database … reset strongroom.orgs; postgresql.conf; or options in database_url"
        ),
    ))
}

fn durable(settings: &Settings, regions: bool) -> Vec<Finding> {
    let value = |name: &str| settings.0.get(name).map_or("", String::as_str);
    let mut findings = Vec::new();
    let mut wrong = |name: &str, consequence: &str, advice: &str| {
        let found = format!("{name} is {}: {consequence}", value(name));
        findings.push(Finding::warning(CHECK, found, advice).about(name));
    };
    if value("fsync") == "off" {
        wrong(
            "fsync",
            "a crash of the machine can destroy the database",
            "alter system set fsync = on; select pg_reload_conf();",
        );
    }
    if value("full_page_writes") == "off" {
        wrong(
            "full_page_writes",
            "a crash of the machine can destroy pages",
            "alter system set full_page_writes = on; select pg_reload_conf();",
        );
    }
    if value("synchronous_commit") == "off" {
        wrong(
            "synchronous_commit",
            "a crash can lose acknowledged writes",
            "alter system set synchronous_commit = on; select pg_reload_conf(); and reset it for \
             the role and database",
        );
    }
    if regions && value("wal_level") == "minimal" {
        wrong(
            "wal_level",
            "no standby can follow",
            "alter system set wal_level = replica; then restart PostgreSQL",
        );
    }
    let ok = "fsync, full_page_writes and synchronous_commit protect acknowledged writes";
    let mut findings = or_ok(findings, CHECK, ok);
    if value("data_checksums") == "off" {
        let found = "data_checksums is off: only `strongroom verify` detects damage on the disk; \
                     `pg_checksums --enable` enables checksums while the cluster is stopped";
        findings.push(Finding::note(CHECK, found).about("data_checksums"));
    }
    findings
}

fn connections(settings: &Settings, used: ConnectionUse, needs: &ConnectionNeeds) -> Vec<Finding> {
    let check = "connections";
    let number = |name: &str| -> i64 {
        let value = settings.0.get(name).and_then(|value| value.parse().ok());
        value.unwrap_or(0)
    };
    let most = number("max_connections");
    let reserved = number("superuser_reserved_connections") + number("reserved_connections");
    let limits = [used.role_limit, used.database_limit].into_iter().flatten();
    let room = limits.map(i64::from).fold(most - reserved, i64::min);
    let servers = needs.servers.max(1);
    let each = needs.pool_size + BESIDE_POOL;
    let needed = i64::try_from(servers * each + 1).unwrap_or(i64::MAX);
    let free = most - reserved - used.used;
    let mut findings = Vec::new();
    if needed > room {
        findings.push(Finding::warning(
            check,
            format!(
                "{servers} server(s) with pool_size {} take up to {needed} connections, but \
                 PostgreSQL allows {room}",
                needs.pool_size
            ),
            format!(
                "alter system set max_connections = {}; then restart PostgreSQL; or lower \
                 pool_size, or raise the connection limit of the role or database",
                needed + reserved + 20
            ),
        ));
    }
    if free < 5 {
        findings.push(Finding::warning(
            check,
            format!(
                "{free} connection(s) are free: {} of {most} are in use",
                used.used
            ),
            "list their owners: select usename, application_name, count(*) from pg_stat_activity \
             group by 1, 2; raise max_connections",
        ));
    }
    let ok = format!("{free} of {most} are free; {servers} server(s) take up to {needed}");
    or_ok(findings, check, ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings(pairs.iter().map(owned).collect())
    }

    #[test]
    fn settings_that_lose_writes_are_found() {
        let unsafe_ones = settings(&[
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("synchronous_commit", "off"),
            ("wal_level", "minimal"),
        ]);
        let found = durable(&unsafe_ones, true);
        let subjects: Vec<_> = found
            .iter()
            .filter_map(|one| one.subject.as_deref())
            .collect();
        let all = [
            "fsync",
            "full_page_writes",
            "synchronous_commit",
            "wal_level",
        ];
        assert_eq!(subjects, all);
        let safe = durable(&settings(&[("synchronous_commit", "local")]), false);
        assert_eq!((safe.len(), safe[0].level), (1, Level::Ok));
    }

    #[test]
    fn too_few_connections_are_a_warning() {
        let used = ConnectionUse {
            used: 10,
            role_limit: None,
            database_limit: None,
        };
        let needs = ConnectionNeeds {
            pool_size: 16,
            servers: 3,
            regions: false,
        };
        let level = |most: &str, used| {
            let settings = settings(&[
                ("max_connections", most),
                ("superuser_reserved_connections", "3"),
            ]);
            connections(&settings, used, &needs)[0].level
        };
        assert_eq!(level("100", used), Level::Ok);
        assert_eq!(level("66", used), Level::Warning);
        let limited = ConnectionUse {
            role_limit: Some(20),
            ..used
        };
        assert_eq!(level("100", limited), Level::Warning);
        let full = ConnectionUse { used: 95, ..used };
        assert_eq!(level("100", full), Level::Warning);
    }
}
