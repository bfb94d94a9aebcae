//! Checks of the database: availability, schema, triggers and settings.

use strongroom_e2e::Database;

use super::Patient;

#[tokio::test]
async fn a_database_that_is_away_hides_nothing_else() {
    // A given cluster may trust its clients, and the PostgreSQL of the tests asks for a password.
    let patient = Patient::on(Database::create_unsharded().await);
    // No process listens on port 1 (tcpmux).
    let url = "postgresql://strongroom_app:application-of-the-tests@127.0.0.1:1/strongroom";
    let found = patient.examine_with(&[("STRONGROOM_DATABASE_URL", url)]);
    let advice = found.says("database", "failure", "127.0.0.1:1/strongroom");
    assert!(advice.contains("pg_isready"));
    for check in ["role", "policies", "migrations", "root_keys", "clock"] {
        found.says(check, "warning", "not checked: the database is unreachable");
    }
    found.says("root_key_source", "ok", "root key");
    found.says("configuration", "ok", "");
    let wrong = patient.database.url_as("strongroom_app", "wrong");
    let found = patient.examine_with(&[("STRONGROOM_DATABASE_URL", &wrong)]);
    let advice = found.says("database", "failure", "password authentication failed");
    assert!(advice.contains("pg_hba.conf"));
}

#[tokio::test]
async fn missing_changed_and_newer_migrations_are_found() {
    let patient = Patient::new().await;
    patient
        .sql(
            "insert into schema_migrations (version, name, applied_on, checksum) \
             select 99, 'next', applied_on, checksum from schema_migrations limit 1; \
             create table next (org_id uuid not null, id uuid not null, primary key (org_id, id)); \
             select strongroom_tenant_table('next'); grant select on next to strongroom_app",
        )
        .await;
    // This is the state in the middle of an upgrade.
    let found = patient.examine();
    found.is_healthy();
    let advice = found.says("migrations", "warning", "0099_next");
    assert!(advice.contains("finish the upgrade"));
    found.says("role_rights", "warning", "next");
    patient
        .sql(
            "delete from schema_migrations where version = 6; \
             update schema_migrations set checksum = '1' where version = 5",
        )
        .await;
    let found = patient.examine();
    let advice = found.says("migrations", "failure", "lacks 0006_operations");
    assert!(advice.contains("strongroom migrate"));
    found.says("migrations", "failure", "0005_rotation");
}

#[tokio::test]
async fn audit_partitions_are_looked_for() {
    let patient = Patient::on(Database::create_unsharded().await);
    let client = patient.database.connect().await;
    let last = "select max(relname)::text from pg_class \
                where relname like 'audit_events_y%' and relkind = 'r'";
    let last: String = client.query_one(last, &[]).await.unwrap().get(0);
    patient
        .sql(&format!(
            "drop table {last}; insert into audit_events \
               (org_id, lane, seq, at, action, outcome, actor, request_id, source, mac) \
             values (gen_random_uuid(), gen_random_uuid(), 1, '2020-01-01', \
               'a', 'o', 'b', 'r', 's', '')"
        ))
        .await;
    let found = patient.examine();
    found.is_healthy();
    found.says(
        "audit_default_partition",
        "warning",
        "audit_events_default holds",
    );
    let advice = found.says("audit_partitions", "warning", &last);
    let sql = "select strongroom_ensure_audit_partitions();";
    assert!(advice.contains(sql));
    let app = patient.database.connect_as_app().await;
    app.batch_execute(sql).await.unwrap();
    patient
        .examine()
        .says("audit_partitions", "ok", "next three");
    patient.sql("drop table audit_events_default").await;
    patient
        .examine()
        .says("audit_default_partition", "failure", "is missing");
}

#[tokio::test]
async fn a_trigger_that_is_off_is_found_and_put_back() {
    let patient = Patient::on(Database::create_unsharded().await);
    let off = "alter table org_keys disable trigger all; \
               drop trigger key_epoch on organizations; drop trigger forward_only on root_keys";
    patient.sql(off).await;
    for trigger in [
        "forward_only of org_keys",
        "key_epoch of org_keys",
        "key_epoch of organizations",
        "forward_only of root_keys",
    ] {
        let found = patient.examine();
        let words = format!("{trigger} is missing or disabled");
        let check = trigger.split(' ').next().unwrap();
        let advice = found.says(check, "failure", &words);
        patient.sql(advice.split("owner: ").nth(1).unwrap()).await;
    }
    patient.examine().says("key_epoch", "ok", "is replaced");
    patient.examine().says("forward_only", "ok", "cannot undo");
}

#[tokio::test]
async fn connections_and_settings_are_judged() {
    let patient = Patient::new().await;
    let found = patient.examine_with(&[("STRONGROOM_POOL_SIZE", "1000")]);
    found.is_healthy();
    let advice = found.says("connections", "warning", "take up to 1006 connections");
    assert!(advice.contains("max_connections ="));
    let name = &patient.database.name;
    patient
        .sql(&format!(
            "alter database {name} set synchronous_commit = off"
        ))
        .await;
    patient
        .examine()
        .says("postgresql_setting", "warning", "synchronous_commit is off");
    let most = ("STRONGROOM_MAX_CONNECTIONS", "1000000");
    let advice = patient.examine_with(&[most, ("STRONGROOM_WORKERS", "1024")]);
    let advice = advice.says("open_files", "warning", "files may be open");
    assert!(advice.contains("LimitNOFILE="));
    let small = [
        ("STRONGROOM_MAX_CONNECTIONS", "1"),
        ("STRONGROOM_WORKERS", "1"),
    ];
    patient.examine_with(&small).says("open_files", "ok", "");
}
