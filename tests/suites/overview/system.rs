//! The state of the installation.

use strongroom_domain::VaultError;
use strongroom_domain::health::condition::Condition;
use strongroom_domain::overview::LastScrub;
use strongroom_e2e::TestVault;

use super::opened::{VERSION, caller, open};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shown_to_holders_of_system_read_alone() {
    let vault = TestVault::start().await;
    let opened = open(&vault).await;
    let org = vault.admin.org.as_str();
    let create = ["key", "create", "--org", org, "--name", "n", "--json"];
    let permission = ["--permission", "system:read"];
    let made = vault.run(&[&create[..], &permission].concat()).json();
    let holder = vault.admin.with_key(made["api_key"].as_str().unwrap());
    let holder = caller(&opened, &holder).await;
    for api in [&vault.admin, &vault.member] {
        let refused = opened.system_status(&caller(&opened, api).await).await;
        assert!(matches!(refused, Err(VaultError::Forbidden(_))));
    }
    let status = opened.system_status(&holder).await.unwrap();
    let [server] = &status.servers[..] else {
        panic!("{:?}", status.servers);
    };
    assert!(server.started_at <= server.seen_at && server.seen_at <= status.at);
    assert_eq!(server.root_keys.len(), 1);
    assert_eq!(status.record_format, server.record_format);
    assert_eq!(status.scrub, LastScrub::NotKnown);
    assert_eq!((status.rotations, status.root_rotations.len()), (0, 0));
    let own = &status.this_server;
    assert_eq!((own.version, own.certificate_expires_at), (VERSION, None));
    assert!(own.conditions.is_empty(), "{:?}", own.conditions);
    assert!(own.store.queues.iter().any(|queue| queue.name == "writes"));
    assert!(!own.store.pools.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_what_this_server_knows() {
    let vault = TestVault::start().await;
    let opened = open(&vault).await;
    let operator = super::opened::operator(&vault.admin.org);
    let counters = opened.counters();
    counters.certificate_expires.set(1_800_000_000);
    let (server, primary) = (&counters.conditions, &counters.primary.conditions);
    server.record(Condition::RootKeys, "a test");
    primary.record(Condition::Slow, "a test");
    primary.record(Condition::Slow, "a test");
    let status = opened.system_status(&operator).await.unwrap();
    let own = status.this_server;
    let expires = own.certificate_expires_at.unwrap();
    assert_eq!(expires.timestamp(), 1_800_000_000);
    let conditions = own.conditions.iter();
    let conditions: Vec<_> = conditions
        .map(|one| (one.of, one.condition, one.occurrences))
        .collect();
    let expected = [
        ("server", Condition::RootKeys, 1),
        ("primary", Condition::Slow, 2),
    ];
    assert_eq!(conditions, expected);
}
