//! Old events are pruned, and the remaining trail still verifies.

use serde_json::{Value, json};
use strongroom_e2e::{Finished, TestVault, api_key};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_postgres::Client;

/// Splits this month's partition in two at `cut`, so that one can be pruned.
pub(crate) async fn split(database: &Client, cut: &str) {
    let sql = format!(
        "do $$ declare \
           start timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc'; \
           ends timestamptz := (date_trunc('month', now() at time zone 'utc') \
             + interval '1 month') at time zone 'utc'; \
           part text := 'audit_events_' || to_char(now() at time zone 'utc', '\"y\"YYYY\"m\"MM'); \
         begin \
           execute format('alter table audit_events detach partition %I', part); \
           execute format('alter table %I rename to whole', part); \
           execute format('create table audit_events_old partition of audit_events \
             for values from (%L) to (%L)', start, '{cut}'); \
           execute format('create table %I partition of audit_events \
             for values from (%L) to (%L)', part, '{cut}', ends); \
           execute format('alter table %I enable row level security', part); \
           execute format('alter table %I force row level security', part); \
           alter table audit_events_old enable row level security; \
           alter table audit_events_old force row level security; \
           insert into audit_events table whole; drop table whole; \
         end $$"
    );
    database.batch_execute(&sql).await.unwrap();
}

/// The database's current time in the format of `--before`.
pub(crate) async fn now(database: &Client) -> String {
    let sql =
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    database.query_one(sql, &[]).await.unwrap().get(0)
}

/// Creates a role that owns the tables and is bound by row-level security; returns its URL.
async fn owner_url(vault: &TestVault, database: &Client) -> String {
    let role = format!("owner_of_{}", vault.database.name);
    let sql = format!(
        "create role {role} login password 'owner'; \
         grant create, usage on schema public to {role}; \
         do $$ declare thing text; begin \
           for thing in select oid::regclass::text from pg_class \
             where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') \
             loop execute 'alter table ' || thing || ' owner to {role}'; end loop; \
           for thing in select oid::regprocedure::text from pg_proc \
             where pronamespace = 'public'::regnamespace \
             loop execute 'alter function ' || thing || ' owner to {role}'; end loop; \
         end $$"
    );
    database.batch_execute(&sql).await.unwrap();
    let url = vault.database.app_url();
    let (_, host) = url.split_once('@').unwrap();
    format!("postgresql://{role}:owner@{host}")
}

fn run_as(vault: &TestVault, url: &str, args: &[&str]) -> Finished {
    let key = vault.root_key_file();
    let variables = [
        ("STRONGROOM_DATABASE_URL", url),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
    ];
    strongroom_e2e::run(args, &variables)
}

pub(crate) fn intact(vault: &TestVault) -> bool {
    vault.run(&["audit", "verify"]).success
}

async fn attestations(database: &Client) -> i64 {
    let sql = "select count(*) from audit_events \
               where action = 'credential.attest' and digest is not null";
    database.query_one(sql, &[]).await.unwrap().get(0)
}

fn prune_as(vault: &TestVault, url: &str, before: &str, file: &str) -> Finished {
    let args = ["audit", "prune", "--json", "--before", before];
    run_as(vault, url, &[&args[..], &["--output", file]].concat())
}

/// Checks that the file `path` contains the 11 pruned events, one of them on the credential `id`.
fn contains_pruned_events(path: &str, id: &str) {
    let exported = std::fs::read_to_string(path).unwrap();
    let lines = exported.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line
    });
    let lines: Vec<Value> = lines.collect();
    assert_eq!(lines.len(), 11);
    let names_credential =
        |line: &Value| line["credential_id"] == id && line["mac"].as_str().unwrap().len() == 64;
    assert!(lines.iter().any(names_credential), "{lines:?}");
}

/// Attacks on a pruned trail.
const ATTACKS: [&str; 7] = [
    "delete from audit_checkpoints",
    "update audit_checkpoints set seq = seq + 1",
    "update audit_checkpoints set mac = sha256('x')",
    "update audit_checkpoints set lane = '01900000-0000-7000-8000-000000000001' \
     where lane = (select lane from audit_checkpoints order by lane limit 1)",
    "update audit_checkpoints set pruned_before = 'infinity'",
    "update audit_events set actor = 'x' where action = 'credential.reveal'",
    "delete from audit_events where action = 'credential.reveal'",
];

/// Executes `attack`, which `audit verify` must find, and undoes it.
async fn attack_is_found(vault: &TestVault, database: &Client, attack: &str) {
    let copy = "create table kept as table audit_events; \
                create table points as table audit_checkpoints";
    database.batch_execute(copy).await.unwrap();
    if attack.starts_with("delete from audit_events") {
        // A later event, so that the deleted one is not the lane's last.
        vault.admin.create("later").await;
    }
    database.batch_execute(attack).await.unwrap();
    let verified = vault.run(&["audit", "verify"]);
    assert!(!verified.success, "{attack}: {}", verified.stdout);
    let undo = "delete from audit_events; insert into audit_events table kept; drop table kept; \
                delete from audit_checkpoints; insert into audit_checkpoints table points; \
                drop table points";
    database.batch_execute(undo).await.unwrap();
    assert!(intact(vault), "{attack} was not undone");
}

#[tokio::test]
async fn what_is_left_verifies_and_tampering_with_it_is_found() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    let (other, _) = vault.new_organization("other");
    let old = vault.admin.create("old").await;
    other.create("theirs").await;
    let heads = vault.run(&["audit", "head"]).stdout;
    let cut = now(&database).await;
    let id = vault.admin.create("new").await;
    vault.admin.reveal(&id).await;
    split(&database, &cut).await;
    let owner = owner_url(&vault, &database).await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, app) = (path("a"), vault.database.app_url());

    prune_as(&vault, &owner, "2999-01-01", &file).assert_refused("future");
    prune_as(&vault, &app, &cut, &file).assert_refused("error: this database role does not own");
    let dry = ["audit", "prune", "--before", &cut, "--dry-run", "--json"];
    let dry = vault.run(&dry).json();
    assert_eq!(
        (&dry["events"], &dry["dry_run"]),
        (&json!(11), &json!(true))
    );
    let nothing = prune_as(&vault, &owner, "2001-01-01", &file).json();
    assert_eq!(nothing["events"], 0);
    // The partial file of a killed run does not prevent the next run.
    std::fs::write(path("a.partial"), "half a line").unwrap();
    let pruned = prune_as(&vault, &owner, &cut, &file).json();
    assert_eq!(pruned["exported"], 11, "{pruned}");
    assert_eq!(pruned["events"], 11, "{pruned}");
    assert_eq!(pruned["attested"], 2, "{pruned}");
    prune_as(&vault, &owner, &cut, &file).assert_refused("exists");
    contains_pruned_events(&file, &old);

    assert!(intact(&vault));
    std::fs::write(path("heads"), &heads).unwrap();
    let with_heads = vault.run(&["audit", "verify", "--heads", &path("heads")]);
    with_heads.assert_success();
    assert_eq!(attestations(&database).await, 2);
    other.create("later").await;
    assert!(intact(&vault));
    for attack in ATTACKS {
        attack_is_found(&vault, &database, attack).await;
    }
}

#[tokio::test]
async fn events_that_newer_ones_precede_stay() {
    let vault = TestVault::start().await;
    let database = vault.database.connect().await;
    // An event's time is taken before it is queued, so the order of times can differ from the order
    // of numbers.
    let inverted = "select to_char(a.at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
        from audit_events a join audit_events b using (org_id, lane) \
        where a.seq < b.seq and a.at > b.at limit 1";
    let cut: String = loop {
        let mut load = JoinSet::new();
        for number in 0..100 {
            let api = vault.admin.clone();
            load.spawn(async move { api.create(&format!("{number}")).await });
        }
        while load.join_next().await.is_some() {}
        if let Some(row) = database.query_opt(inverted, &[]).await.unwrap() {
            break row.get(0);
        }
    };
    split(&database, &cut).await;
    let owner = owner_url(&vault, &database).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out");
    let pruned = prune_as(&vault, &owner, &cut, file.to_str().unwrap()).json();
    assert!(pruned["kept"].as_u64().unwrap() > 0, "{pruned}");
    vault.run(&["audit", "verify"]).assert_success();
    vault.admin.create("afterwards").await;
    assert!(intact(&vault));
}

#[tokio::test]
async fn a_lane_whose_events_are_all_pruned_goes_on() {
    let vault = TestVault::start_unsharded().await;
    let database = vault.database.connect().await;
    vault.admin.create("first").await;
    let cut = now(&database).await;
    split(&database, &cut).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("out");
    let file = file.to_str().unwrap();
    let pruned = vault.run(&["audit", "prune", "--before", &cut, "--output", file]);
    pruned.assert_success();
    // After a refused commit the server reads the lane's head again.
    let refuse = "create function refuse() returns trigger language plpgsql as \
           $$ begin raise exception 'refused' ; end $$; \
         create constraint trigger refuse after insert on credentials \
           deferrable initially deferred for each row execute function refuse()";
    database.batch_execute(refuse).await.unwrap();
    assert_eq!(vault.admin.post(&api_key("k")).await.status(), 500);
    database
        .batch_execute("drop trigger refuse on credentials")
        .await
        .unwrap();
    vault.admin.create("second").await;
    let verified = vault.run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["found"], 0, "{verified}");
    let first = "select count(*) from audit_events where seq = 1 and action = 'credential.create'";
    let first: i64 = database.query_one(first, &[]).await.unwrap().get(0);
    assert_eq!(first, 0);
}
