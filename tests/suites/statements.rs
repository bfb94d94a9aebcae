//! Every SQL statement matches the migrated schema and the application role's rights.

use strongroom_e2e::Database;
use strongroom_storage::sql::operations::OPERATIONS_INSERT;
use strongroom_storage::sql::{
    AUDIT_INSERT, CREDENTIAL_USES_MERGE, CREDENTIALS_INSERT, Checks, KEY_USES_MERGE, together,
};
use strongroom_storage::sql::{CREDENTIALS, all, alone};
use tokio_postgres::types::{Kind, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

#[tokio::test]
async fn every_statement_can_be_prepared_by_the_application_role() {
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    let all = all();
    assert!(all.len() > 20);
    for (name, sql) in all {
        if let Err(error) = client.prepare(sql).await {
            panic!("{name}: {error:?}");
        }
    }
}

#[tokio::test]
async fn the_application_role_has_the_rights_that_the_statements_need() {
    // PREPARE checks names and types, and EXPLAIN checks rights. EXPLAIN accepts no parameters, so
    // it explains the generic plan of a prepared statement.
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    for (at, (name, sql)) in all().into_iter().enumerate() {
        let statement = client.prepare(sql).await.unwrap();
        // Only the owner may drop partitions, which pruning does.
        if name.starts_with("PRUNE_") || name == "CHECKPOINT_PUT" {
            continue;
        }
        if sql.starts_with("lock ") || sql.starts_with("set ") {
            client
                .batch_execute(&format!("begin; {sql}; commit"))
                .await
                .unwrap();
            continue;
        }
        let values: Vec<_> = statement.params().iter().map(value).collect();
        let values = values.join(", ");
        let types: Vec<_> = statement.params().iter().map(type_name).collect();
        let (declared, given) = match types.is_empty() {
            true => (String::new(), String::new()),
            false => (format!("({})", types.join(", ")), format!("({values})")),
        };
        let explained = client
            .batch_execute(&format!(
                "prepare explained_{at} {declared} as {sql}; explain execute explained_{at} {given}"
            ))
            .await;
        if let Err(error) = explained {
            panic!("{name}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_query_that_is_a_transaction_of_its_own_enters_its_scope_first() {
    let database = Database::create_unsharded().await;
    let client = planning_once(&database).await;
    let mut seen = 0;
    for (name, sql) in all() {
        let is_query = sql.starts_with("select ") || sql.starts_with("with ");
        let of_tenants = sql.contains("$1") && sql.contains("org_id");
        let of_owners = name.starts_with("PRUNE_");
        if !is_query || !of_tenants || of_owners || sql.contains("for update") {
            continue;
        }
        let params = client.prepare(sql).await.unwrap().params().len();
        let lines = plan(&client, &alone(sql, params)).await;
        assert!(
            lines[0].starts_with("Result ") && lines[1].contains("One-Time Filter: ("),
            "{name}: {lines:#?}"
        );
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn a_write_that_is_one_statement_enters_its_scope_before_it_looks_at_rows() {
    let database = Database::create_unsharded().await;
    let client = planning_once(&database).await;
    let inserts = [
        &CREDENTIALS_INSERT,
        &AUDIT_INSERT,
        &CREDENTIAL_USES_MERGE,
        &KEY_USES_MERGE,
        &OPERATIONS_INSERT,
    ];
    let checks = Checks {
        generations: true,
        uses: true,
    };
    for insert in inserts {
        for rows in [1, 3] {
            let sql = together(&[(&AUDIT_INSERT, 1), (insert, rows)], checks);
            let lines = plan(&client, &sql).await;
            let places = |what: &str| -> Vec<usize> {
                let lines = lines.iter().enumerate();
                let found = lines.filter(|(_, line)| line.contains(what));
                found.map(|(at, _)| at).collect()
            };
            let scopes = places("One-Time Filter: (");
            assert_eq!(scopes.len(), 2, "{lines:#?}");
            let known = places("on credentials c");
            let looks = std::ptr::eq(insert, &CREDENTIAL_USES_MERGE);
            assert_eq!(known.len(), usize::from(looks), "{lines:#?}");
            assert!(known.iter().all(|at| scopes[1] < *at), "{lines:#?}");
        }
    }
}

async fn planning_once(database: &Database) -> Client {
    let client = database.connect_as_app().await;
    let once = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
    client.batch_execute(once).await.unwrap();
    client
}

/// The lines of the plan of a statement with parameters.
async fn plan(client: &Client, sql: &str) -> Vec<String> {
    plan_of(client, sql, |_| "null").await
}

async fn plan_of(client: &Client, sql: &str, value: fn(&Type) -> &'static str) -> Vec<String> {
    let statement = client.prepare(sql).await.unwrap();
    let types: Vec<_> = statement.params().iter().map(type_name).collect();
    let values: Vec<_> = statement.params().iter().map(value).collect();
    let explain = format!(
        "prepare planned ({}) as {sql}; explain execute planned ({}); deallocate planned",
        types.join(", "),
        values.join(", ")
    );
    let rows = client.simple_query(&explain).await.unwrap();
    let lines = rows.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    lines.collect()
}

// A comparison with null is removed from the plan, and a sharded table needs the value at once to
// select a shard.
fn value(param: &Type) -> &'static str {
    match *param {
        Type::UUID => "'01900000-0000-7000-8000-000000000001'",
        Type::TIMESTAMPTZ => "'2026-01-01T00:00:00Z'",
        _ => "null",
    }
}

fn type_name(param: &Type) -> String {
    match param.kind() {
        Kind::Array(element) => format!("{element}[]"),
        _ => param.to_string(),
    }
}

// The plan made for empty tables must also be suitable when the tables have grown.
#[tokio::test]
async fn a_use_is_looked_up_by_its_key_even_when_there_were_none() {
    let database = Database::create_unsharded().await;
    let owner = database.connect().await;
    let empty = "vacuum analyze credential_uses";
    owner.batch_execute(empty).await.unwrap();
    let client = planning_once(&database).await;
    let lines = plan(&client, &alone(CREDENTIALS, 2)).await;
    let uses = lines
        .iter()
        .position(|line| line.contains("on credential_uses"));
    let condition = &lines[uses.unwrap() + 1];
    assert!(
        condition.contains("Index Cond: ((org_id = c.org_id) AND (cred_id = c.cred_id))"),
        "{lines:#?}"
    );
}

// Under row-level security, a condition with a function is not one for an index: all later events
// of the lane would be read for each mark.
#[tokio::test]
async fn events_are_looked_up_from_their_mark_by_the_key_of_the_lane() {
    let database = Database::create_unsharded().await;
    let client = planning_once(&database).await;
    let by_time = ["AUDIT_NEWEST", "AUDIT_OLDEST", "EVENTS_COUNT"];
    for (name, sql) in all().iter().filter(|(name, _)| by_time.contains(name)) {
        let lines = plan_of(&client, sql, value).await;
        let conditions = lines.iter().filter(|line| line.contains("Index Cond: "));
        let (of_marks, of_events): (Vec<_>, Vec<_>) =
            conditions.partition(|line| !line.contains("lane = m.lane"));
        assert!(!of_marks.is_empty() && !of_events.is_empty(), "{lines:#?}");
        for line in of_events {
            let expected = [
                "seq >= m.seq",
                "seq <= ((m.seq + 15))",
                "at >= ((m.at",
                "at <= ((m.at",
            ];
            assert!(
                expected.iter().all(|part| line.contains(part)),
                "{name}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_matching_credentials_are_read_in_order() {
    let database = Database::create_unsharded().await;
    let owner = database.connect().await;
    let many = "insert into credentials (org_id, cred_id, provider, cred_type, label, version, \
                key_generation, wrapped_key, sealed_blob, updated_at) \
                select '01900000-0000-7000-8000-000000000001', \
                ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'generic', \
                'api_key', 'label', 1, 1, decode(repeat('ab', 61), 'hex'), \
                decode(repeat('cd', 94), 'hex'), now() from generate_series(1, 20000) n";
    owner.batch_execute(many).await.unwrap();
    owner.batch_execute("vacuum analyze").await.unwrap();
    let client = planning_once(&database).await;
    let of_matching = [
        "MATCHING_FROM",
        "MATCHING_AFTER",
        "DELETE_SOME",
        "PURGE_SOME",
        "RETAIN_SOME",
    ];
    for (name, sql) in all() {
        if of_matching.contains(&name) {
            let lines = plan(&client, sql).await;
            let sorts = lines.iter().any(|line| line.contains("Sort"));
            assert!(!sorts, "{name}: {lines:#?}");
        }
    }
}
