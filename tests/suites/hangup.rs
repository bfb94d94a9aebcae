//! SIGHUP: a server reads its files again, and does not end.

use std::time::Duration;

use nix::sys::signal::Signal;
use strongroom_e2e::{Server, TestVault, eventually};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(20);

/// A server of `vault` whose URL is in `file`.
fn serve(vault: &TestVault, file: &str) -> Server {
    let root_key = vault.root_key_file();
    let variables = [
        ("STRONGROOM_DATABASE_URL_FILE", file),
        ("STRONGROOM_ROOT_KEY_FILE", &root_key),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ];
    Server::spawn(&["serve"], &variables)
}

#[tokio::test]
async fn the_database_url_is_read_again() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("url");
    let named = |name: &str| {
        let url = vault.database.app_url();
        let and = if url.contains('?') { '&' } else { '?' };
        std::fs::write(&file, format!("{url}{and}application_name={name}\n")).unwrap();
    };
    named("before");
    let server = serve(&vault, file.to_str().unwrap());
    vault.ready(&server.url()).await;
    let api = vault.admin.at(&server.url());
    let id = api.create("kept").await;
    named("after");
    server.signal(Signal::SIGHUP);
    server.wait_for_log("the database's URL is read");
    let database = vault.database.connect().await;
    let count = "select count(*) filter (where application_name = 'after') \
         from pg_stat_activity where datname = current_database()";
    eventually("connections are made by the new URL", LIMIT, async || {
        assert_eq!(api.secret(&id).await["api_key"], "kept");
        let row = database.query_one(count, &[]).await.unwrap();
        row.get::<_, i64>(0) > 0
    })
    .await;
    // A wrong file changes nothing, and is not quoted.
    std::fs::write(&file, "canary7").unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for_log("the previous URL of the database stays in use");
    assert_eq!(api.secret(&id).await["api_key"], "kept");
    assert!(!server.log().contains("canary7"));
}

#[tokio::test]
async fn a_server_that_waits_for_its_database_is_told_where_it_is() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgresql://u@127.0.0.1:1/d").unwrap();
    let server = serve(&vault, file.to_str().unwrap());
    server.wait_for_log("127.0.0.1:1/d: ");
    std::fs::write(&file, vault.database.app_url()).unwrap();
    server.signal(Signal::SIGHUP);
    vault.ready(&server.url()).await;
}
