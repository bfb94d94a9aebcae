//! Reveals and relays per day.

use std::time::Duration;

use strongroom_domain::daily_totals::DailyTotals;
use strongroom_domain::{Clock, OrgId, SystemClock, Vault, VaultError};
use strongroom_e2e::{Api, TestVault, eventually};
use tokio_postgres::Client;

use super::opened::{caller, open, operator};

const LIMIT: Duration = Duration::from_secs(30);

/// Inserts `count` events of `action` some days ago, in a lane of their own.
async fn insert(database: &Client, api: &Api, ago: i32, count: i32, action: &str, outcome: &str) {
    let insert = "insert into audit_events (org_id, lane, seq, at, action, outcome, actor, \
                  request_id, source, mac) select $1::text::uuid, gen_random_uuid(), n, \
                  (date_trunc('day', now() at time zone 'utc') - $2::int * interval '1 day') \
                  at time zone 'utc' + n * interval '1 microsecond', \
                  $4, $5, 'operator', '', '', '' \
                  from generate_series(1, $3::int) as n";
    database
        .execute(insert, &[&api.org, &ago, &count, &action, &outcome])
        .await
        .unwrap();
}

async fn counted(vault: &Vault, api: &Api) -> u32 {
    let mut count = vault.begin_daily_count(&operator(&api.org)).await.unwrap();
    let mut steps = 1;
    while vault.daily_count_step(&mut count).await.unwrap() {
        steps += 1;
    }
    steps
}

async fn shown(vault: &Vault, api: &Api) -> DailyTotals {
    let caller = caller(vault, api).await;
    vault.daily_totals(&caller).await.unwrap()
}

/// The reveals and relays of the day that was `ago` days ago.
fn total(totals: &DailyTotals, ago: usize) -> (i64, i64) {
    let day = totals.days[29 - ago];
    (day.reveals, day.relays)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_counts_the_trail_per_day() {
    let vault = TestVault::start_with(&[("STRONGROOM_DAILY_TOTALS_INTERVAL", "1s")]).await;
    let (other, _) = vault.new_organization("other");
    let (api, database) = (&vault.admin, vault.database.connect().await);
    let opened = open(&vault).await;
    assert_eq!(shown(&opened, api).await.days.len(), 30);
    for (ago, count, action, outcome) in [
        (2, 5, "credential.reveal", "ok"),
        (2, 3, "credential.reveal", "not_found"),
        (2, 4, "credential.list", "ok"),
        (29, 2, "credential.use", "ok"),
        (29, 2, "credential.use", "denied"),
        (29, 2, "credential.used", "ok"),
        (30, 9, "credential.reveal", "ok"),
    ] {
        insert(&database, api, ago, count, action, outcome).await;
    }
    insert(&database, &other, 1, 7, "credential.use", "ok").await;
    let id = api.create("secret").await;
    for _ in 0..3 {
        api.secret(&id).await;
    }
    assert_eq!(api.reveal(&other.org).await.status(), 404);
    let expected = [(3, 0), (0, 0), (5, 0)];
    eventually("the server counts", LIMIT, async || {
        let totals = shown(&opened, api).await;
        let newest = [0, 1, 2].map(|ago| total(&totals, ago));
        newest == expected && total(&totals, 29) == (0, 2)
    })
    .await;
    let totals = shown(&opened, api).await;
    let sum: i64 = totals.days.iter().map(|day| day.reveals + day.relays).sum();
    assert_eq!(sum, 10, "{totals:?}");
    assert!(totals.counted_at.is_some());
    eventually("the other organization is counted", LIMIT, async || {
        total(&shown(&opened, &other).await, 1) == (0, 7)
    })
    .await;
    assert_eq!(total(&shown(&opened, &other).await, 2), (0, 0));
    let member = caller(&opened, &vault.member).await;
    let refused = opened.daily_totals(&member).await;
    assert!(matches!(refused, Err(VaultError::Forbidden(_))));
    api.secret(&id).await;
    eventually("a later reveal is counted", LIMIT, async || {
        total(&shown(&opened, api).await, 0) == (4, 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_at_the_same_time_and_again_have_the_same_result() {
    let vault = TestVault::start().await;
    let (api, database) = (&vault.admin, vault.database.connect().await);
    let opened = open(&vault).await;
    // More than two steps, and a day that begins and ends within a step.
    insert(&database, api, 3, 30_000, "credential.reveal", "ok").await;
    insert(&database, api, 2, 10, "credential.use", "ok").await;
    insert(&database, api, 1, 30_000, "credential.use", "ok").await;
    let of = operator(&api.org);
    let mut counts = [
        opened.begin_daily_count(&of).await.unwrap(),
        opened.begin_daily_count(&of).await.unwrap(),
    ];
    let mut steps = [0, 0];
    let mut running = true;
    while running {
        running = false;
        for (count, steps) in counts.iter_mut().zip(&mut steps) {
            running |= opened.daily_count_step(count).await.unwrap();
            *steps += 1;
        }
    }
    assert!(steps[0] > 3 && steps[0] == steps[1], "{steps:?}");
    let expected = [(0, 30_000), (0, 10), (30_000, 0)];
    let of_last = |totals: &DailyTotals| [1, 2, 3].map(|ago| total(totals, ago));
    assert_eq!(of_last(&shown(&opened, api).await), expected);
    counted(&opened, api).await;
    assert_eq!(of_last(&shown(&opened, api).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_cannot_change_are_not_counted_again() {
    let vault = TestVault::start().await;
    let (api, database) = (&vault.admin, vault.database.connect().await);
    let opened = open(&vault).await;
    for ago in [5, 6] {
        insert(&database, api, ago, 3, "credential.reveal", "ok").await;
    }
    counted(&opened, api).await;
    let set = async |ago: i32, counted: &str| {
        let day = format!("(now() at time zone 'utc')::date - {ago}");
        let set = format!(
            "update daily_totals set reveals = 99, counted_at = {counted} where day = {day}"
        );
        assert_eq!(database.execute(&set, &[]).await.unwrap(), 1);
    };
    set(5, "now()").await;
    counted(&opened, api).await;
    assert_eq!(total(&shown(&opened, api).await, 5), (99, 0));
    // Counted before the end of its day.
    let noon = "(now() at time zone 'utc')::date - 5 + interval '12 hours'";
    set(5, noon).await;
    counted(&opened, api).await;
    assert_eq!(total(&shown(&opened, api).await, 5), (3, 0));
    // A count that began earlier and ends later does not replace the newer one.
    insert(&database, api, 0, 1, "credential.reveal", "ok").await;
    counted(&opened, api).await;
    set(0, "now() + interval '1 minute'").await;
    counted(&opened, api).await;
    assert_eq!(total(&shown(&opened, api).await, 0), (99, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_without_new_events_are_skipped() {
    let vault = TestVault::start().await;
    let (quiet, _) = vault.new_organization("quiet");
    let database = vault.database.connect().await;
    let opened = open(&vault).await;
    // A sharded cluster computes no time from a column.
    let aged = "update audit_events set at = now() - interval '2 hours' \
                where org_id = $1::text::uuid";
    database.execute(aged, &[&quiet.org]).await.unwrap();
    let callers = [operator(&vault.admin.org), operator(&quiet.org)];
    let now = SystemClock.now();
    let active = opened.organizations_to_count(&callers, now).await.unwrap();
    assert_eq!(active, [OrgId::parse(&vault.admin.org).unwrap()]);
    // An event may be an hour late.
    let earlier = now - chrono::TimeDelta::minutes(90);
    let active = opened.organizations_to_count(&callers, earlier).await;
    assert_eq!(active.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_totals_and_those_of_destroyed_organizations_are_removed() {
    let vault = TestVault::start().await;
    let (doomed, _) = vault.new_organization("doomed");
    let database = vault.database.connect().await;
    let opened = open(&vault).await;
    let rows = async |org: &str| {
        let sql = "select count(*) from daily_totals where org_id = $1::text::uuid";
        let row = database.query_one(sql, &[&org]).await.unwrap();
        row.get::<_, i64>(0)
    };
    for ago in [399, 401] {
        let insert = "insert into daily_totals values ($1::text::uuid, \
                      (now() at time zone 'utc')::date - $2::int, 1, 1, now())";
        database
            .execute(insert, &[&vault.admin.org, &ago])
            .await
            .unwrap();
    }
    for api in [&vault.admin, &doomed] {
        insert(&database, api, 1, 1, "credential.reveal", "ok").await;
        counted(&opened, api).await;
    }
    // Yesterday, today, and one that is not too old.
    assert_eq!(rows(&vault.admin.org).await, 3);
    assert_eq!(rows(&doomed.org).await, 2);
    let destroy = ["org", "delete", "--org", &doomed.org, "--now", "--yes"];
    vault.run(&destroy).assert_success();
    assert_eq!(rows(&doomed.org).await, 0);
    assert_eq!(rows(&vault.admin.org).await, 3);
}
