//! What was acknowledged is there after any crash, and recorded without a gap.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use strongroom_e2e::{Api, OwnCluster, TestVault, api_key, eventually};
use tokio::task::JoinHandle;

const WRITERS: usize = 8;

/// Writers at work, each counting on until told to stop.
struct Writers {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<(String, String)>>>,
}

impl Writers {
    fn start(api: &Api, round: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let tasks = (0..WRITERS).map(|writer| {
            let (api, stop, acknowledged) = (api.clone(), stop.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let secret = format!("canary-{round}-{writer}-{n}");
                    if let Some(id) = create(&api, &secret).await {
                        mine.push((id, secret));
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                }
                mine
            })
        });
        let tasks = tasks.collect();
        Self {
            stop,
            acknowledged,
            tasks,
        }
    }

    async fn have_written(&self, count: usize) {
        let enough = async || self.acknowledged.load(Ordering::Relaxed) >= count;
        eventually("writes are acknowledged", Duration::from_secs(30), enough).await;
    }

    /// Ids and secrets of what was acknowledged.
    async fn finish(self) -> Vec<(String, String)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for task in self.tasks {
            all.extend(task.await.unwrap());
        }
        all
    }
}

/// The new credential's id, if the server said that it is there.
async fn create(api: &Api, secret: &str) -> Option<String> {
    let request = api.request(reqwest::Method::POST, strongroom_e2e::CREDENTIALS);
    let answer = request.json(&api_key(secret)).send().await.ok()?;
    if answer.status() != 201 {
        assert_eq!(answer.status(), 503);
        tokio::time::sleep(Duration::from_millis(5)).await;
        return None;
    }
    let body: Value = answer.json().await.ok()?;
    Some(body["result"][0].as_str()?.to_owned())
}

async fn all_is_there(api: &Api, acknowledged: &[(String, String)]) {
    for (id, secret) in acknowledged {
        assert_eq!(api.secret(id).await["api_key"], secret.as_str());
    }
}

async fn trail_is_whole(vault: &TestVault, acknowledged: &[(String, String)]) {
    let client = vault.database.connect().await;
    let count = async |query: &str| client.query_one(query, &[]).await.unwrap().get::<_, i64>(0);
    let gaps = "select count(*) from (select from audit_events group by org_id, lane having min(seq) <> 1 \
         or max(seq) <> count(*) or count(distinct seq) <> count(*)) as broken";
    assert_eq!(count(gaps).await, 0, "a lane has a gap or a double");
    let unrecorded = "select count(*) from credentials c where 1 <> (select count(*) from audit_events e \
         where e.org_id = c.org_id and e.cred_id = c.cred_id and e.action = 'credential.create')";
    assert_eq!(
        count(unrecorded).await,
        0,
        "a credential without its one event"
    );
    let empty = "select count(*) from audit_events e where action = 'credential.create' and not exists \
         (select from credentials c where c.org_id = e.org_id and c.cred_id = e.cred_id)";
    assert_eq!(count(empty).await, 0, "an event without its credential");
    let all = count("select count(*) from credentials").await;
    assert!(all >= i64::try_from(acknowledged.len()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let cluster = OwnCluster::start().await;
    let mut vault = TestVault::start_on(cluster.database(), &[]).await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let writers = Writers::start(&vault.admin, round);
        writers.have_written(40).await;
        vault.server.kill();
        acknowledged.extend(writers.finish().await);
        vault.replace_server(&[]).await;
    }
    all_is_there(&vault.admin, &acknowledged).await;
    trail_is_whole(&vault, &acknowledged).await;
    found_nowhere(cluster.folder());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgresql_loses_nothing_that_was_acknowledged() {
    let mut cluster = OwnCluster::start().await;
    let vault = TestVault::start_on(cluster.database(), &[]).await;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let writers = Writers::start(&vault.admin, round);
        writers.have_written(40).await;
        cluster.kill();
        cluster.resume();
        // The same server goes on by itself.
        let before = writers.acknowledged.load(Ordering::Relaxed);
        writers.have_written(before + 20).await;
        acknowledged.extend(writers.finish().await);
    }
    all_is_there(&vault.admin, &acknowledged).await;
    trail_is_whole(&vault, &acknowledged).await;
    found_nowhere(cluster.folder());
}

/// Looks for a secret in every file below `folder`: tables, write-ahead log, PostgreSQL's own log.
fn found_nowhere(folder: &Path) {
    let mut searched = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                searched += bytes.len();
                let found = bytes.windows(7).any(|window| window == b"canary-");
                assert!(!found, "plaintext in {}", path.display());
            }
        }
    }
    assert!(searched > 10_000_000, "only {searched} bytes were searched");
}
