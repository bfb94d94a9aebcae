//! Backup and restore as docs/operations.md describes: base backup, archived WAL, and the root key.

use serde_json::json;
use strongroom_e2e::{Backup, Finished, OwnCluster, TestVault, refusal, run};

/// A lost vault, with one half of its contents in the base backup and the other in the archive.
struct Lost {
    vault: TestVault,
    backup: Backup,
    /// The last heads of the audit trail, kept elsewhere.
    heads: String,
    /// The last credentials and their secrets.
    kept: Vec<(String, &'static str)>,
    /// A credential that was deleted after the base backup.
    deleted: String,
}

/// Fills a vault, backs it up during writes, and loses the database.
async fn lose() -> Lost {
    let mut cluster = OwnCluster::start_with(&[("archive_mode", "on")]).await;
    let backup = Backup::begin(&cluster).await;
    let vault = TestVault::start_on(cluster.database(), &[]).await;
    let untouched = vault.admin.create("untouched").await;
    let changed = vault.admin.create("before").await;
    let deleted = vault.admin.create("deleted").await;
    backup.take_base(&cluster);
    let new = vault.admin.create("new").await;
    let body = json!({"json_blob": {"api_key": "after"}});
    assert_eq!(vault.admin.patch(&changed, &body).await.status(), 204);
    let query = format!("credentialId={deleted}");
    assert_eq!(vault.admin.delete(&query).await.status(), 204);
    assert!(vault.run(&["rotate", "org", "--all"]).success);
    let heads = vault.run(&["audit", "head"]);
    assert!(heads.success, "{}", heads.stderr);
    backup.complete(&cluster).await;
    cluster.kill();
    Lost {
        vault,
        backup,
        heads: heads.stdout,
        kept: vec![(untouched, "untouched"), (changed, "after"), (new, "new")],
        deleted,
    }
}

impl Lost {
    fn audit_verify(&self) -> Finished {
        let heads = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(heads.path(), &self.heads).unwrap();
        let heads = heads.path().to_str().unwrap();
        self.vault.run(&["audit", "verify", "--heads", heads])
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_back_and_intact() {
    let mut lost = lose().await;
    let restored = lost.backup.restore().await;
    lost.vault.database = restored.database();
    lost.vault.run(&["verify"]).assert_success();
    lost.audit_verify().assert_success();
    lost.vault.replace_server(&[]).await;
    for (id, secret) in &lost.kept {
        assert_eq!(lost.vault.admin.secret(id).await["api_key"], *secret);
    }
    assert_eq!(lost.vault.admin.reveal(&lost.deleted).await.status(), 404);
    let later = lost.vault.admin.create("later").await;
    assert_eq!(lost.vault.admin.secret(&later).await["api_key"], "later");
    lost.audit_verify().assert_success();
}

#[tokio::test]
async fn without_the_archive_the_kept_heads_tell_what_is_missing() {
    let mut lost = lose().await;
    let restored = lost.backup.restore_base_alone().await;
    lost.vault.database = restored.database();
    // The base backup is an older, consistent state.
    lost.vault.run(&["verify"]).assert_success();
    assert!(lost.vault.run(&["audit", "verify"]).success);
    lost.audit_verify().assert_failed_with("cut");
}

#[tokio::test]
async fn with_another_root_key_nothing_opens_and_the_right_one_is_named() {
    let mut lost = lose().await;
    let restored = lost.backup.restore().await;
    lost.vault.database = restored.database();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.key");
    let other = other.to_str().unwrap();
    assert!(run(&["root-key", "new", "--output", other], &[]).success);
    let right = std::fs::read_to_string(lost.vault.root_key_file()).unwrap();
    let right = right.split("-v1:").nth(1).unwrap();
    let right = right.split(':').next().unwrap();
    let (owner, app) = (
        restored.database().superuser_url(),
        restored.database().app_url(),
    );
    let root_key = ("STRONGROOM_ROOT_KEY_FILE", other);
    let variables = [("STRONGROOM_DATABASE_URL", owner.as_str()), root_key];
    run(&["verify"], &variables).assert_refused(right);
    let listen = ("STRONGROOM_LISTEN", "127.0.0.1:0");
    let said = refusal(&[], &[("STRONGROOM_DATABASE_URL", &app), root_key, listen]);
    assert!(said.contains(right), "{said}");
    // The attempt has changed nothing.
    assert!(lost.vault.run(&["verify"]).success);
}
