//! Heads kept elsewhere against somebody with every right on the database.

use strongroom_e2e::TestVault;

use crate::audit_tampering::{busy_vault, findings, keep, nth, restore, verify};

#[tokio::test]
async fn kept_heads_find_what_was_cut_off() {
    let vault = busy_vault().await;
    let database = vault.database.connect().await;
    keep(&database).await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("heads");
    let heads = vault.run(&["audit", "head"]);
    assert!(heads.success, "{}", heads.stderr);
    std::fs::write(&file, &heads.stdout).unwrap();
    let args = ["--heads", file.to_str().unwrap()];
    vault.admin.create("after the heads").await;
    assert!(verify(&vault, &args).0);

    let org = format!("org_id = '{}'", vault.admin.org);
    for (attack, found_without) in [
        (
            format!("delete from audit_events where {} or {}", nth(12), nth(13)),
            false,
        ),
        (format!("delete from audit_events where {org}"), true),
        (
            format!(
                "delete from audit_events where {org}; delete from api_keys where {org}; \
                     delete from credentials where {org}; delete from org_keys where {org}; \
                     delete from organizations where {org}"
            ),
            false,
        ),
    ] {
        // What was created after the heads is cut off along, or it would name the gap.
        database
            .batch_execute(&format!(
                "delete from audit_events where seq > 13 and {org}; {attack}"
            ))
            .await
            .unwrap();
        assert_eq!(!verify(&vault, &[]).0, found_without, "{attack}");
        let (intact, report) = verify(&vault, &args);
        assert!(!intact, "{attack}");
        let found = findings(&report);
        // A trail of which nothing is left is told besides.
        let empty = usize::from(found_without);
        let cut = found.iter().filter(|finding| finding["kind"] == "cut");
        assert_eq!(cut.count() + empty, found.len(), "{found:?}");
        assert!(
            found.iter().any(|finding| finding["seq"] == 13),
            "{found:?}"
        );
        restore(&database).await;
    }

    let forged = heads.stdout.replacen("\"seq\":13", "\"seq\":12", 1);
    assert_ne!(forged, heads.stdout);
    for (forged, why) in [
        (forged.as_str(), "was altered"),
        ("{}", "is not a line"),
        ("", "is empty"),
    ] {
        std::fs::write(&file, forged).unwrap();
        let refused = vault.run(&[&["audit", "verify"], &args[..]].concat());
        assert!(
            !refused.success && refused.stderr.contains(why),
            "{refused:?}"
        );
    }
    let foreign = TestVault::start().await.run(&["audit", "head"]);
    std::fs::write(&file, &foreign.stdout).unwrap();
    let refused = vault.run(&[&["audit", "verify"], &args[..]].concat());
    assert!(
        !refused.success && refused.stderr.contains("another key"),
        "{refused:?}"
    );
}
