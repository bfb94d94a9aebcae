//! Migrations, audit partitions and triggers.

use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::server::{AuditPartition, Trigger};
use strongroom_storage::{ConnectError, SchemaState};

use super::finding::{Finding, attempt, or_ok};

/// The schema's version, the partitions of the audit trail, and the triggers.
pub(super) async fn findings(
    inspection: &Inspection,
    state: Result<SchemaState, ConnectError>,
) -> Vec<Finding> {
    // Without its tables, the other checks fail.
    let empty = state.as_ref().is_ok_and(|state| !state.missing.is_empty());
    let mut findings = attempt("migrations", state, |state| migrations(&state));
    if empty {
        return findings;
    }
    findings.extend(attempt(
        "audit_partitions",
        inspection.audit_partitions().await,
        |partitions| ahead(&partitions),
    ));
    findings.extend(attempt(
        "audit_default_partition",
        inspection.audit_default_size().await,
        default_partition,
    ));
    let triggers = inspection.missing_triggers().await;
    findings.extend(attempt("key_epoch", triggers, |missing| {
        [without_epoch(&missing), without_forward_only(&missing)].concat()
    }));
    findings.extend(attempt("key_epoch", inspection.has_epoch().await, epoch));
    findings
}

fn migrations(state: &SchemaState) -> Vec<Finding> {
    let check = "migrations";
    let mut findings = Vec::new();
    if !state.missing.is_empty() {
        findings.push(Finding::failure(
            check,
            format!("the database lacks {}", state.missing.join(", ")),
            "run as the tables' owner: strongroom migrate --app-role NAME",
        ));
    }
    if !state.changed.is_empty() {
        findings.push(Finding::failure(
            check,
            format!(
                "{} was applied with a content that differs from this program's",
                state.changed.join(", ")
            ),
            "run the build that migrated this database, or restore a backup: another build created \
             these tables",
        ));
    }
    if !state.unknown.is_empty() {
        findings.push(Finding::warning(
            check,
            format!(
                "the database is newer than this program: it has {}",
                state.unknown.join(", ")
            ),
            "finish the upgrade: replace the servers with the version that migrated the database",
        ));
    }
    or_ok(findings, check, "every migration is applied, and no other")
}

fn ahead(partitions: &[AuditPartition]) -> Vec<Finding> {
    let check = "audit_partitions";
    let findings = partitions.iter().filter(|one| !one.present).map(|one| {
        Finding::warning(
            check,
            format!(
                "{} is missing: events of that month are stored in the default partition",
                one.name
            ),
            "run as the servers' role or the owner: select strongroom_ensure_audit_partitions(); \
             running servers do that every 6 hours",
        )
        .about(&one.name)
    });
    let ok = "there are partitions for this month and the next three";
    or_ok(findings.collect(), check, ok)
}

fn default_partition(bytes: Option<i64>) -> Vec<Finding> {
    let check = "audit_default_partition";
    let name = "audit_events_default";
    vec![match bytes {
        Some(0) => Finding::ok(check, "the default partition holds no events"),
        Some(bytes) => Finding::warning(
            check,
            format!(
                "{name} holds, or has held, events ({bytes} bytes) of months without a partition"
            ),
            "these events are safe and can be verified, but `strongroom audit prune` takes longer. \
             Look for warnings about audit partitions in the servers' logs, and run: \
             select strongroom_ensure_audit_partitions();",
        ),
        None => Finding::failure(
            check,
            format!("{name} is missing: an event of a month without a partition fails its request"),
            format!(
                "run as the tables' owner: create table {name} partition of audit_events default; \
                 select strongroom_protect('{name}');"
            ),
        ),
    }]
}

fn without_epoch(missing: &[Trigger]) -> Vec<Finding> {
    let check = "key_epoch";
    let findings = of(missing, check).map(|table| {
        Finding::failure(
            check,
            format!(
                "the trigger key_epoch of {table} is missing or disabled: servers may not notice \
                 that a key was replaced or revoked, and their writes may be lost when the old key \
                 is retired"
            ),
            format!(
                "retire no generation until it is restored. Run as the tables' owner: \
                 drop trigger if exists key_epoch on {table}; \
                 create trigger key_epoch after update or delete on {table} \
                 for each statement execute function strongroom_next_key_epoch(); \
                 update key_epoch set epoch = gen_random_uuid();"
            ),
        )
        .about(table)
    });
    let ok = "servers notice when a key is replaced or revoked";
    or_ok(findings.collect(), check, ok)
}

fn without_forward_only(missing: &[Trigger]) -> Vec<Finding> {
    let check = "forward_only";
    let findings = of(missing, check).map(|table| {
        let events = forward_only_events(table);
        Finding::failure(
            check,
            format!(
                "the trigger forward_only of {table} is missing or disabled: the servers' role can \
                 undo a rotation, a revocation or a deletion"
            ),
            format!(
                "run as the tables' owner: drop trigger if exists forward_only on {table}; \
                 create trigger forward_only before {events} on {table} \
                 for each row execute function strongroom_forward_{table}();"
            ),
        )
        .about(table)
    });
    let ok = "the servers' role cannot undo a rotation, a revocation or a deletion";
    or_ok(findings.collect(), check, ok)
}

fn of<'t>(missing: &'t [Trigger], name: &'t str) -> impl Iterator<Item = &'t str> {
    let same = missing.iter().filter(move |trigger| trigger.name == name);
    same.map(|trigger| trigger.table.as_str())
}

fn forward_only_events(table: &str) -> &'static str {
    match table {
        "org_keys" => "insert or update or delete",
        "root_keys" => "insert or update",
        _ => "update",
    }
}

fn epoch(exists: bool) -> Vec<Finding> {
    let missing = || {
        Finding::warning(
            "key_epoch",
            "the row of key_epoch is missing: every write checks all its keys, and every API key \
             is looked up again after 4 seconds; this is slower, but safe",
            "run as the tables' owner: insert into key_epoch (epoch) values (gen_random_uuid());",
        )
    };
    (!exists).then(missing).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn a_newer_database_is_a_warning_and_an_older_one_a_failure() {
        let state = SchemaState {
            missing: vec!["0006_operations".into()],
            unknown: vec!["0007_next".into()],
            changed: vec!["0001_vault".into()],
        };
        let levels: Vec<_> = migrations(&state).iter().map(|one| one.level).collect();
        assert_eq!(levels, [Level::Failure, Level::Failure, Level::Warning]);
        assert_eq!(migrations(&SchemaState::default())[0].level, Level::Ok);
    }

    #[test]
    fn the_default_partition_should_exist_and_be_empty() {
        let level = |bytes| default_partition(bytes)[0].level;
        assert_eq!(level(Some(0)), Level::Ok);
        assert_eq!(level(Some(8192)), Level::Warning);
        assert_eq!(level(None), Level::Failure);
    }
}
