use strongroom_domain::{Clock, SystemClock};
use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::Server;
use strongroom_storage::{Database, DatabaseSettings, schema_state};

use super::connection::{connect, unreachable};
use super::finding::{Finding, unchecked};
use super::postgresql::ConnectionNeeds;
use super::{access, certificates, clock, credentials, keys, postgresql, regions, schema, servers};
use crate::settings::examine::Examined;

const CHECK: &str = "database";
/// The checks that need the primary.
const NEED_PRIMARY: [&str; 14] = [
    "role",
    "role_rights",
    "role_grants",
    "row_level_security",
    "policies",
    "migrations",
    "audit_partitions",
    "root_keys",
    "servers",
    "rotations",
    "expiry",
    "purges",
    "clock",
    "connections",
];

/// All checks that need a database.
pub(super) async fn findings(examined: &Examined) -> Vec<Finding> {
    let Some(settings) = &examined.database else {
        let why = "there is no usable database_url";
        let mut findings = vec![Finding::failure(
            CHECK,
            why,
            "set database_url as the finding about the configuration says",
        )];
        findings.extend(not_checked(why));
        return findings;
    };
    let mut findings = certificates::of_database("database_url", settings).await;
    match connect(settings).await {
        Ok((database, inspection, server)) => {
            findings.extend(primary(examined, settings, &database, &inspection, &server).await);
            let primary = Some((&database, &server));
            findings.extend(regions::findings(&examined.regions, settings, primary).await);
            findings.extend(regions::slots(&inspection, &examined.regions).await);
        }
        Err(error) => {
            findings.push(unreachable(CHECK, settings, &error).about("database_url"));
            findings.extend(not_checked("the database is unreachable"));
            findings.extend(regions::findings(&examined.regions, settings, None).await);
        }
    }
    findings
}

async fn primary(
    examined: &Examined,
    connect: &DatabaseSettings,
    database: &Database,
    inspection: &Inspection,
    server: &Server,
) -> Vec<Finding> {
    let shown = connect.url.redacted();
    let mut findings = vec![
        if server.standby {
            Finding::failure(
                CHECK,
                format!("{shown} is a standby and takes no writes"),
                "set database_url to the primary, or to all databases with \
             target_session_attrs=read-write; if the primary is lost, fail over",
            )
        } else {
            Finding::ok(CHECK, format!("{shown} answers, as role {}", server.role))
        }
        .about("database_url"),
    ];
    findings.extend(clock::findings(inspection, "the database").await);
    let state = schema_state(database).await;
    let newer = state.as_ref().is_ok_and(|state| !state.unknown.is_empty());
    findings.extend(access::findings(inspection, &server.role, newer).await);
    findings.extend(schema::findings(inspection, state).await);
    findings.extend(keys::findings(database, examined.root_keys.as_ref()).await);
    let (running, held) = servers::running(database, SystemClock.now()).await;
    findings.extend(held);
    findings.extend(servers::rotations(database, SystemClock.now()).await);
    findings.extend(credentials::findings(database, SystemClock.now()).await);
    findings.extend(servers::scrub(inspection, running).await);
    let needs = ConnectionNeeds {
        pool_size: connect.pool_size,
        servers: running,
        regions: !examined.regions.all.is_empty(),
    };
    findings.extend(postgresql::findings(inspection, server, &needs).await);
    findings
}

fn not_checked(why: &str) -> Vec<Finding> {
    let checks = NEED_PRIMARY.iter();
    checks.map(|check| unchecked(check, why)).collect()
}
