//! Tests on a given Citus cluster: isolation on its workers, and the loss of a worker.
//! `make test-citus` runs these separately, because they stop a worker that other tests use.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use strongroom_e2e::citus::Worker;
use strongroom_e2e::{Api, CREDENTIALS, Database, Outage, TestVault, api_key, eventually};
use strongroom_storage::sql::{LISTINGS, all};
use tokio::task::JoinSet;
use tokio_postgres::types::{Kind, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use uuid::Uuid;

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

const SHARDS: &str = "select shard_name, nodeport from citus_shards \
     where citus_table_type = 'distributed' and nodeport = $1 order by 1";

/// Checks that `shard` shows the application role only the organization in its scope; returns the
/// organizations in the shard.
async fn shard_is_isolated(superuser: &Client, app: &Client, shard: &str) -> Vec<Uuid> {
    let forced = "select relrowsecurity and relforcerowsecurity from pg_class \
                  where oid = $1::text::regclass";
    let forced: bool = superuser.query_one(forced, &[&shard]).await.unwrap().get(0);
    assert!(forced, "{shard}");
    // Partitions are only read through their parent.
    if shard.contains("audit_events_y") || shard.contains("audit_events_default") {
        return Vec::new();
    }
    let orgs = format!("select distinct org_id from {shard}");
    let all = orgs_of(superuser, &orgs).await;
    let unscoped = orgs_of(app, &orgs).await;
    assert!(unscoped.is_empty(), "{shard} without a scope");
    for org in &all {
        let enter = format!("begin; set local strongroom.orgs = '{org},'");
        app.batch_execute(&enter).await.unwrap();
        assert_eq!(orgs_of(app, &orgs).await, [*org], "{shard}");
        app.batch_execute("rollback").await.unwrap();
    }
    all
}

#[tokio::test]
#[ignore = "needs a cluster: make test-citus"]
async fn row_level_security_is_in_force_on_the_workers() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    for api in [&vault.admin, &other] {
        api.create("secret").await;
    }
    let coordinator = vault.database.connect().await;
    let mut seen: HashMap<String, u32> = HashMap::new();
    for worker in vault.database.lease().workers() {
        let superuser = connect(worker.superuser_url()).await;
        let show = "set citus.override_table_visibility = off";
        superuser.batch_execute(show).await.unwrap();
        let app = connect(&worker.url_as("strongroom_app", "application-of-the-tests")).await;
        for row in coordinator.query(SHARDS, &[&worker.port]).await.unwrap() {
            for org in shard_is_isolated(&superuser, &app, row.get(0)).await {
                *seen.entry(org.to_string()).or_default() += 1;
            }
        }
    }
    // Both organizations have rows in the checked shards.
    for api in [&vault.admin, &other] {
        assert!(seen[&api.org] >= 5, "{seen:?}");
    }
}

/// The shards that the plan of a statement reads or writes, if it is on sharded tables, with one
/// organization for all its parameters.
async fn shards_of_one_organization(client: &Client, sql: &str) -> Vec<String> {
    let params = client.prepare(sql).await.unwrap().params().to_vec();
    let value = |param: &Type| match (param.kind(), param) {
        (Kind::Array(of), _) if *of == Type::UUID => format!("array[{ORG}]::uuid[]"),
        (_, &Type::UUID) => ORG.to_owned(),
        (_, &Type::TIMESTAMPTZ) => "'2026-01-01T00:00:00Z'".to_owned(),
        (_, &Type::INT8 | &Type::INT4) => "1".to_owned(),
        _ => "null".to_owned(),
    };
    let types = params.iter().map(|param| match param.kind() {
        Kind::Array(of) => format!("{of}[]"),
        _ => param.to_string(),
    });
    let (types, values): (Vec<_>, Vec<_>) = types.zip(params.iter().map(value)).unzip();
    let in_parentheses = |all: &[String]| match all.is_empty() {
        true => String::new(),
        false => format!("({})", all.join(", ")),
    };
    let explain = format!(
        "prepare planned {} as {sql}; explain execute planned {}; deallocate planned",
        in_parentheses(&types),
        in_parentheses(&values)
    );
    let lines = client.simple_query(&explain).await.unwrap();
    let lines = lines.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(|line| line.trim().to_owned()),
        _ => None,
    });
    lines
        .filter(|line| line.starts_with("Task Count: "))
        .collect()
}

const ORG: &str = "'01900000-0000-7000-8000-000000000001'";

#[tokio::test]
#[ignore = "needs a cluster: make test-citus"]
async fn a_statement_of_one_organization_needs_no_other_shard() {
    let database = Database::create().await;
    let client = database.connect_as_app().await;
    let (mut seen, mut wrong) = (0, Vec::new());
    for (name, sql) in all() {
        let is_explained = ["select", "with", "insert", "update", "delete"]
            .iter()
            .any(|verb| sql.starts_with(verb));
        let of_owners = name.starts_with("PRUNE_") || name == "CHECKPOINT_PUT";
        if !is_explained || LISTINGS.contains(&name) || of_owners {
            continue;
        }
        let shards = shards_of_one_organization(&client, sql).await;
        seen += shards.len();
        if shards.iter().any(|shards| shards != "Task Count: 1") {
            wrong.push((name, shards));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 60, "{seen}");
}

async fn orgs_of(client: &Client, sql: &str) -> Vec<Uuid> {
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Creates at least two organizations on `worker`, and at least two on other workers.
async fn placed(vault: &TestVault, worker: &Worker) -> [Vec<Api>; 2] {
    let database = vault.database.connect().await;
    let place = "select nodeport from citus_shards where table_name = 'organizations'::regclass \
         and shardid = get_shard_id_for_distribution_column('organizations', $1::text::uuid)";
    let mut placed = [vec![], vec![]];
    while placed.iter().any(|orgs: &Vec<Api>| orgs.len() < 2) {
        let (api, _) = vault.new_organization("placed");
        let port: i32 = database.query_one(place, &[&api.org]).await.unwrap().get(0);
        placed[usize::from(port != worker.port)].push(api);
    }
    placed
}

/// Sends one caller's requests one after another; returns the samples and the created credentials.
async fn load(api: Api) -> (Vec<Sample>, Vec<String>) {
    let (mut samples, mut created) = (Vec::new(), Vec::new());
    let until = Instant::now() + LOAD;
    while Instant::now() < until {
        let began = Instant::now();
        let answer = api.post(&api_key("secret")).await;
        let status = answer.status();
        if status == StatusCode::CREATED {
            let body: serde_json::Value = answer.json().await.unwrap();
            created.push(body["result"][0].as_str().unwrap().to_owned());
        }
        samples.push((began, began.elapsed(), status));
        if let Some(id) = created.last() {
            let began = Instant::now();
            let status = api.get(&format!("{CREDENTIALS}/{id}")).await.status();
            samples.push((began, began.elapsed(), status));
        }
        // Refusals are fast, and must not become a flood.
        if status != StatusCode::CREATED {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    (samples, created)
}

type Sample = (Instant, Duration, StatusCode);
const LOAD: Duration = Duration::from_secs(12);
/// The time until requests are answered that were in progress when the worker stopped.
const SETTLED: Duration = Duration::from_secs(2);

/// Checks the answers after the stop: organizations on the stopped worker are refused in time, and
/// other organizations are served.
fn only_the_stopped_worker_refuses(samples: &[Sample], stopped: Instant, on_stopped: bool) {
    let after = samples
        .iter()
        .filter(|(began, ..)| *began > stopped + SETTLED);
    let after: Vec<_> = after.map(|(_, took, status)| (*took, *status)).collect();
    assert!(after.len() > 20, "{on_stopped}: {}", after.len());
    for (took, status) in after {
        let right = if on_stopped {
            status == StatusCode::SERVICE_UNAVAILABLE && took < Duration::from_secs(10)
        } else {
            status.is_success() && took < Duration::from_secs(3)
        };
        assert!(
            right,
            "on the stopped worker: {on_stopped}; {status} after {took:?}"
        );
    }
}

async fn all_recover(away: &[Api], created: Vec<(Api, String)>) {
    let limit = Duration::from_secs(30);
    for api in away {
        eventually("an organization is served again", limit, async || {
            api.post(&api_key("secret")).await.status() == StatusCode::CREATED
        })
        .await;
    }
    // A transaction that was prepared on the worker when it stopped is finished by Citus, within
    // citus.recover_2pc_interval: a minute.
    let limit = Duration::from_secs(90);
    for (api, id) in created {
        eventually("an acknowledged write is present", limit, async || {
            api.reveal(&id).await.status() == StatusCode::OK
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "stops a worker: make test-citus"]
async fn organizations_on_other_workers_go_on() {
    let vault = TestVault::start().await;
    let worker = vault.database.lease().workers().next().unwrap();
    let [away, there] = placed(&vault, &worker).await;
    let mut callers = JoinSet::new();
    for (on_stopped, orgs) in [(true, &away), (false, &there)] {
        for api in orgs.iter().flat_map(|api| [api, api, api]) {
            let api = api.clone();
            callers.spawn(async move { (on_stopped, api.clone(), load(api).await) });
        }
    }
    tokio::time::sleep(LOAD / 4).await;
    let stopped = Instant::now();
    let outage = Outage::begin(&worker).await;
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
    let served = there[0].at(&server.url()).post(&api_key("secret")).await;
    assert_eq!(
        served.status(),
        StatusCode::CREATED,
        "by a server that starts now"
    );
    let mut created = Vec::new();
    while let Some(done) = callers.join_next().await {
        let (on_stopped, api, (samples, ids)) = done.unwrap();
        only_the_stopped_worker_refuses(&samples, stopped, on_stopped);
        created.extend(ids.into_iter().map(|id| (api.clone(), id)));
    }
    outage.end().await;
    all_recover(&away, created).await;
    let verified = vault.run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["found"], 0, "{verified}");
}
