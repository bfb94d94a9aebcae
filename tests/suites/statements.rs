//! Every SQL statement fits the migrated schema, and the application role's rights.

use strongroom_e2e::Database;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::types::{Kind, Type};

#[tokio::test]
async fn every_statement_can_be_prepared_by_the_application_role() {
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    let all = strongroom_storage::sql::all();
    assert!(all.len() > 20);
    for (name, sql) in all {
        if let Err(error) = client.prepare(sql).await {
            panic!("{name}: {error:?}");
        }
    }
}

#[tokio::test]
async fn the_application_role_has_the_rights_that_the_statements_need() {
    // Preparing checks names and types; rights are checked when a plan runs, so EXPLAIN them. Parameters
    // are unknown to EXPLAIN, hence the generic plan through PREPARE.
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    for (at, (name, sql)) in strongroom_storage::sql::all().into_iter().enumerate() {
        let statement = client.prepare(sql).await.unwrap();
        // Pruning drops partitions, which only their owner may.
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
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    let once = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
    client.batch_execute(once).await.unwrap();
    let mut seen = 0;
    for (at, (name, sql)) in strongroom_storage::sql::all().into_iter().enumerate() {
        let is_query = sql.starts_with("select ") || sql.starts_with("with ");
        let of_tenants = sql.contains("$1") && sql.contains("org_id");
        let of_owners = name.starts_with("PRUNE_");
        if !is_query || !of_tenants || of_owners || sql.contains("for update") {
            continue;
        }
        let params = client.prepare(sql).await.unwrap().params().len();
        let alone = strongroom_storage::sql::alone(sql, params);
        let statement = client.prepare(&alone).await.unwrap();
        let values = vec!["null"; params + 1].join(", ");
        let types: Vec<_> = statement.params().iter().map(type_name).collect();
        let plan = format!(
            "prepare alone_{at} ({}) as {alone}; explain execute alone_{at} ({values})",
            types.join(", ")
        );
        let plan = client.simple_query(&plan).await.unwrap();
        let lines = plan.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let lines: Vec<_> = lines.take(2).collect();
        assert!(
            lines[0].starts_with("Result ") && lines[1].contains("One-Time Filter: ($"),
            "{name}: {lines:?}"
        );
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

// What compares with null is planned away, and a sharded table asks at once which shard a row belongs to.
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

// A plan that is made once has to do when the tables have grown.
#[tokio::test]
async fn a_use_is_looked_up_by_its_key_even_when_there_were_none() {
    let database = Database::create().await;
    let owner = database.connect().await;
    let empty = "vacuum analyze credential_uses";
    owner.batch_execute(empty).await.unwrap();
    let client = database.connect_as_app().await;
    let once = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off";
    client.batch_execute(once).await.unwrap();
    let sql = strongroom_storage::sql::alone(strongroom_storage::sql::CREDENTIALS, 2);
    let plan = format!(
        "prepare look (uuid[], uuid[], text) as {sql}; explain execute look (null, null, null)"
    );
    let plan = client.simple_query(&plan).await.unwrap();
    let lines = plan.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    let uses = lines
        .iter()
        .position(|line| line.contains("on credential_uses"));
    let condition = lines[uses.unwrap() + 1];
    assert!(
        condition.contains("Index Cond: ((org_id = c.org_id) AND (cred_id = c.cred_id))"),
        "{lines:#?}"
    );
}
