//! Several programs that start on an empty database at the same time.

use strongroom_e2e::{Database, Finished, run};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Creates `count` organizations at the same time, each with one of `root_keys`.
async fn create_at_once(url: &str, root_keys: &[String], count: usize) -> Vec<Finished> {
    let tasks: Vec<_> = (0..count)
        .map(|n| {
            let (url, root_key) = (url.to_owned(), root_keys[n % root_keys.len()].clone());
            spawn_blocking(move || {
                let variables = [
                    ("DATABASE_URL", url.as_str()),
                    ("STRONGROOM_ROOT_KEY_FILE", &root_key),
                ];
                run(&["org", "create", "--name", "o", "--json"], &variables)
            })
        })
        .collect();
    let mut finished = Vec::new();
    for task in tasks {
        finished.push(task.await.unwrap());
    }
    finished
}

fn root_keys(folder: &TempDir, count: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            let file = folder.path().join(format!("{n}.key"));
            let file = file.to_str().unwrap().to_owned();
            assert!(run(&["root-key", "new", "--output", &file], &[]).success);
            file
        })
        .collect()
}

#[tokio::test]
async fn with_one_root_key_all_succeed() {
    let (database, folder) = (Database::create().await, TempDir::new().unwrap());
    let keys = root_keys(&folder, 1);
    for created in create_at_once(&database.superuser_url(), &keys, 8).await {
        assert!(created.success, "{}", created.stderr);
    }
    let client = database.connect().await;
    let count = "select (select count(*) from root_keys), (select count(*) from organizations)";
    let row = client.query_one(count, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 8));
}

#[tokio::test]
async fn with_two_root_keys_the_first_one_counts() {
    let (database, folder) = (Database::create().await, TempDir::new().unwrap());
    let keys = root_keys(&folder, 2);
    let finished = create_at_once(&database.superuser_url(), &keys, 8).await;
    let succeeded: Vec<_> = finished.iter().map(|one| one.success).collect();
    let first = succeeded[0];
    for (n, success) in succeeded.iter().enumerate() {
        assert_eq!(*success, (n % 2 == 0) == first, "{succeeded:?}");
    }
    let client = database.connect().await;
    let count = "select count(distinct root_key_id) from (select root_key_id from root_keys \
         union all select root_key_id from service_keys \
         union all select root_key_id from org_keys) as used";
    let count: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(count, 1);
}
