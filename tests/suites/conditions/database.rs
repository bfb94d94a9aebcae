//! The conditions of a database have names.

use strongroom_e2e::{Api, OwnCluster, Proxy, TestVault, eventually};

use super::{LIMIT, ends, is_there, lines, shows, write, writes};

#[tokio::test]
async fn each_way_in_which_a_database_fails_has_its_name() {
    let cluster = OwnCluster::start().await;
    let database = cluster.database();
    let admin = database.connect().await;
    let vault = TestVault::start_on(database, &[]).await;
    let api = &vault.admin;
    let provoke = async || writes(api).await;
    let succeed = async || write(api).await;
    let sql = async |statement: &str| admin.batch_execute(statement).await.unwrap();
    let reconnect =
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'strongroom_app'";

    sql("revoke insert on audit_events from strongroom_app").await;
    shows(&vault, ("primary", "statement_failed"), "42501", provoke).await;
    sql("grant insert on audit_events to strongroom_app").await;
    ends(&vault, ("primary", "statement_failed"), succeed).await;

    sql("alter role strongroom_app set default_transaction_read_only = on").await;
    sql(reconnect).await;
    shows(&vault, ("primary", "read_only"), "25006", provoke).await;
    sql("alter role strongroom_app reset default_transaction_read_only").await;
    sql(reconnect).await;
    ends(&vault, ("primary", "read_only"), succeed).await;

    sql("alter role strongroom_app connection limit 0").await;
    sql(reconnect).await;
    shows(
        &vault,
        ("primary", "too_many_connections"),
        "53300",
        provoke,
    )
    .await;
    sql("alter role strongroom_app connection limit -1").await;
    ends(&vault, ("primary", "too_many_connections"), succeed).await;

    sql("alter role strongroom_app nologin").await;
    sql(reconnect).await;
    shows(&vault, ("primary", "denied"), "28000", provoke).await;
    sql("alter role strongroom_app login").await;
    ends(&vault, ("primary", "denied"), succeed).await;
}

/// Closes connections during writes until a statement loses its connection.
async fn lose_a_connection(api: &Api, proxy: &Proxy, (of, condition): (&str, &str)) {
    eventually("a connection is lost", LIMIT, async || {
        write(api).await;
        let writing = tokio::spawn({
            let api = api.clone();
            async move { writes(&api).await }
        });
        tokio::task::yield_now().await;
        proxy.refuse();
        writing.await.unwrap();
        proxy.heal();
        is_there(api, of, condition).await
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_slow_and_a_cut_connection_have_their_names() {
    let cluster = OwnCluster::start().await;
    let database = cluster.database();
    let proxy = Proxy::to(cluster.port());
    let behind = cluster.database_through(&proxy).app_url();
    let variables = [
        ("STRONGROOM_DATABASE_URL", &*behind),
        ("STRONGROOM_STATEMENT_TIMEOUT", "500ms"),
        ("STRONGROOM_REQUEST_TIMEOUT", "1s"),
        ("STRONGROOM_CONNECT_TIMEOUT", "1s"),
    ];
    let vault = TestVault::start_on(database, &variables).await;
    let api = &vault.admin;
    write(api).await;
    proxy.cut();
    shows(&vault, ("primary", "slow"), "in time", async || {
        write(api).await
    })
    .await;
    proxy.heal();
    ends(&vault, ("primary", "slow"), async || write(api).await).await;
    let lost = ("primary", "connection_lost");
    lose_a_connection(api, &proxy, lost).await;
    eventually("the condition is over", LIMIT, async || {
        write(api).await;
        !is_there(api, lost.0, lost.1).await
    })
    .await;
    assert!(!lines(&vault, lost.0, lost.1, "ERROR").is_empty());
}
