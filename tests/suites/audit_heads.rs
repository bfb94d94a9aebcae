//! Heads kept elsewhere reveal truncation by an attacker with every right on the database.

use strongroom_e2e::TestVault;

use crate::audit_tampering::{busy_vault, findings, keep, nth, restore, verify};

/// Ways to remove the end of the trail, each with whether it is found without heads.
fn truncations(vault: &TestVault) -> [(String, bool); 3] {
    let org = format!("org_id = '{}'", vault.admin.org);
    let (last, before_last) = (nth(13), nth(12));
    let events = format!("delete from audit_events where {before_last} or {last}");
    let trail = format!("delete from audit_events where {org}");
    let organization = format!(
        "{trail}; delete from api_keys where {org}; delete from credentials where {org}; \
         delete from org_keys where {org}; delete from organizations where {org}"
    );
    [(events, false), (trail, true), (organization, false)]
}

fn finds_truncation(vault: &TestVault, heads: &[&str], attack: &str, found_without: bool) {
    assert_eq!(!verify(vault, &[]).0, found_without, "{attack}");
    let (intact, report) = verify(vault, heads);
    assert!(!intact, "{attack}");
    let found = findings(&report);
    // An empty trail is a further finding.
    let empty = usize::from(found_without);
    let cut = found.iter().filter(|finding| finding["kind"] == "cut");
    assert_eq!(cut.count() + empty, found.len(), "{found:?}");
    let names_end = found.iter().any(|finding| finding["seq"] == 13);
    assert!(names_end, "{found:?}");
}

#[tokio::test]
async fn kept_heads_find_what_was_cut_off() {
    let vault = busy_vault().await;
    let database = vault.database.connect().await;
    keep(&database).await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("heads");
    let heads = vault.run(&["audit", "head"]);
    heads.assert_success();
    std::fs::write(&file, &heads.stdout).unwrap();
    let args = ["--heads", file.to_str().unwrap()];
    vault.admin.create("after the heads").await;
    assert!(verify(&vault, &args).0);

    for (attack, found_without) in truncations(&vault) {
        // Later events are removed as well, because they would reveal the gap.
        let later = format!("seq > 13 and org_id = '{}'", vault.admin.org);
        let sql = format!("delete from audit_events where {later}; {attack}");
        database.batch_execute(&sql).await.unwrap();
        finds_truncation(&vault, &args, &attack, found_without);
        restore(&database).await;
    }

    let verify_with_heads = |heads: &str| {
        std::fs::write(&file, heads).unwrap();
        vault.run(&[&["audit", "verify"], &args[..]].concat())
    };
    let forged = heads.stdout.replacen("\"seq\":13", "\"seq\":12", 1);
    assert_ne!(forged, heads.stdout);
    verify_with_heads(&forged).assert_refused("was altered");
    verify_with_heads("{}").assert_refused("is not a line");
    verify_with_heads("").assert_refused("is empty");
    let foreign = TestVault::start().await.run(&["audit", "head"]);
    verify_with_heads(&foreign.stdout).assert_refused("another key");
}
