//! Refusals of a restore before it writes anything: damaged, forged and foreign backups, wrong keys
//! and missing rights; and findings in a backup.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use strongroom_e2e::{Database, Finished, TestVault, run};
use tokio_postgres::Client;

use crate::safe::{Safe, census};

/// A vault with a backup in the file `all`, and a database that must not change.
struct Kept {
    vault: TestVault,
    safe: Safe,
    database: Database,
}

impl Kept {
    async fn new() -> Self {
        let vault = TestVault::start_with(&[]).await;
        let (other, _) = vault.new_organization("other");
        for number in 0..20 {
            vault.admin.create(&"x".repeat(10_000)).await;
            other.create(&format!("secret {number}")).await;
        }
        let safe = Safe::new();
        safe.back_up(&vault, "all", &[]).assert_success();
        let database = Database::create().await;
        Self {
            vault,
            safe,
            database,
        }
    }

    /// Restores the file `name`, which must fail with `reason`.
    async fn refuses(&self, name: &str, reason: &str) {
        let before = census(&self.database).await;
        let refused = self.safe.restore(&self.vault, &self.database, name, &[]);
        assert!(
            !refused.success && refused.stderr.contains(reason),
            "{name}: {refused:?}"
        );
        assert_eq!(census(&self.database).await, before, "{name}");
    }

    /// As [`Self::refuses`], with `text` as the backup's decrypted content.
    async fn refuses_text(&self, name: &str, text: &str, reason: &str) {
        self.safe.encrypt(name, text);
        self.refuses(name, reason).await;
    }
}

#[tokio::test]
async fn a_damaged_file() {
    let kept = Kept::new().await;
    let whole = std::fs::read(kept.safe.path("all")).unwrap();
    assert!(
        whole.len() > 3 * 65_536,
        "too small for a cut between chunks: {}",
        whole.len()
    );
    let header = whole
        .windows(4)
        .position(|bytes| bytes == b"\n---")
        .unwrap();
    let payload = header + 50 + 16;
    let chunk = 65_536 + 16;
    let cuts = [
        0,
        10,
        header,
        payload,
        payload + 1000,
        payload + chunk,
        payload + 2 * chunk,
        whole.len() / 2,
        whole.len() - 1,
    ];
    for at in cuts {
        std::fs::write(kept.safe.path("cut"), &whole[..at]).unwrap();
        kept.refuses("cut", "cut short").await;
    }
    for at in [payload + 100, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(kept.safe.path("flipped"), &flipped).unwrap();
        kept.refuses("flipped", "damaged").await;
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(b"more");
    std::fs::write(kept.safe.path("longer"), &longer).unwrap();
    kept.refuses("longer", "damaged").await;
}

/// Edits that an attacker without the root key can make to the text of a backup, by name.
fn forgeries<'a>(text: &'a str) -> [(&'static str, String); 9] {
    let lines: Vec<&'a str> = text.lines().collect();
    let position = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let credential = position("{\"credential\"").unwrap();
    let event = position("{\"event\"").unwrap();
    let last = lines.len() - 1;
    let edited = |edit: &dyn Fn(&mut Vec<&'a str>)| {
        let mut lines = lines.clone();
        edit(&mut lines);
        lines.join("\n") + "\n"
    };
    let without = |at: usize| {
        edited(&|lines| {
            lines.remove(at);
        })
    };
    [
        ("without a credential", without(credential)),
        ("without an event", without(event)),
        ("without its end", without(last)),
        (
            "swapped",
            edited(&|lines| lines.swap(credential, credential + 1)),
        ),
        (
            "relabeled",
            text.replacen("\"label\":\"\"", "\"label\":\"mine\"", 1),
        ),
        (
            "promoted",
            text.replacen("\"role\":\"member\"", "\"role\":\"admin\"", 1),
        ),
        (
            "twice",
            edited(&|edited| edited.insert(credential, lines[credential])),
        ),
        ("more", format!("{text}{}\n", lines[last])),
        ("nonsense", format!("{}\nnonsense\n", lines[0])),
    ]
}

#[tokio::test]
async fn one_that_somebody_made_without_the_root_key() {
    let kept = Kept::new().await;
    let text = kept.safe.decrypted("all");
    for (name, forged) in forgeries(&text) {
        assert_ne!(forged, text, "{name}");
        kept.refuses_text("forged", &forged, "damaged").await;
    }
    kept.refuses_text("no backup", "hello\n", "is no backup")
        .await;
    for (this, newer) in [
        ("\"format\":1", "\"format\":2"),
        ("\"schema\":15", "\"schema\":999"),
    ] {
        assert!(text.contains(this), "{this}");
        let text = text.replacen(this, newer, 1);
        kept.refuses_text("newer", &text, "made by a newer version")
            .await;
    }
}

/// Restores the file `all` with other settings.
fn restore(kept: &Kept, database: &str, root_key: &str, identity: &str, more: &[&str]) -> Finished {
    let file = kept.safe.path("all");
    let mut args = vec!["restore", "--input", &file, "--identity", identity];
    args.extend_from_slice(more);
    run(
        &args,
        &[
            ("STRONGROOM_DATABASE_URL", database),
            ("STRONGROOM_ROOT_KEY_FILE", root_key),
        ],
    )
}

/// Checks refusals of wrong keys and missing rights on the `kept` database, which must not change.
async fn refuses_wrong_keys(kept: &Kept, root_key: &str, identity: &str) {
    let empty = census(&kept.database).await;
    let url = kept.database.superuser_url();
    let other = kept.safe.path("other.key");
    run(&["root-key", "new", "--output", &other], &[]).assert_success();
    let text = std::fs::read_to_string(root_key).unwrap();
    let (_, after) = text.split_once("-v1:").unwrap();
    let (id, _) = after.split_once(':').unwrap();
    for more in [&[][..], &["--dry-run"], &["--verify-only"]] {
        restore(kept, &url, &other, identity, more).assert_refused(id);
    }
    let stranger = Safe::new();
    let refused = restore(kept, &url, root_key, &stranger.path("identity"), &[]);
    refused.assert_refused("encrypted to other recipients");
    let refused = restore(kept, &url, root_key, root_key, &[]);
    refused.assert_refused("cannot read the identity");
    let refused = restore(kept, &kept.database.app_url(), root_key, identity, &[]);
    refused.assert_refused("audit_checkpoints");
    refused.assert_refused("strongroom migrate");
    assert_eq!(census(&kept.database).await, empty);
}

/// Checks refusals on another installation's database, which must not change.
async fn refuses_foreign_database(kept: &Kept, root_key: &str, identity: &str) {
    let foreign = TestVault::start_with(&[]).await;
    let before = census(&foreign.database).await;
    let both = kept.safe.path("both.key");
    let [own, other] = [root_key.to_owned(), foreign.root_key_file()]
        .map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(&both, other + &own).unwrap();
    std::fs::set_permissions(&both, Permissions::from_mode(0o600)).unwrap();
    let url = foreign.database.superuser_url();
    restore(kept, &url, &both, identity, &[]).assert_refused("another installation");
    restore(kept, &url, root_key, identity, &[]).assert_refused("restored into cannot be opened");
    assert_eq!(census(&foreign.database).await, before);
}

#[tokio::test]
async fn wrong_keys_and_lacking_rights() {
    let kept = Kept::new().await;
    let (root_key, identity) = (kept.vault.root_key_file(), kept.safe.path("identity"));
    refuses_wrong_keys(&kept, &root_key, &identity).await;
    refuses_foreign_database(&kept, &root_key, &identity).await;

    let without_tables = Database::create_empty("backup_without_tables").await;
    let url = without_tables.superuser_url();
    restore(&kept, &url, &root_key, &identity, &[]).assert_refused("run `strongroom migrate`");
}

#[tokio::test]
async fn backups_that_cannot_be_made() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let before = census(&vault.database).await;
    let file = safe.path("file");
    let back_up_to =
        |recipient: &str| vault.run(&["backup", "--output", &file, "--recipient", recipient]);
    back_up_to("age1nonsense").assert_refused("not a recipient");
    let secret = std::fs::read_to_string(safe.path("identity")).unwrap();
    let refused = back_up_to(&secret);
    refused.assert_refused("a private key is not a recipient");
    assert!(!refused.stderr.contains(&secret));
    let unknown = "0190a1b2-0000-7000-8000-0123456789ab";
    let refused = safe.back_up(&vault, "file", &["--org", unknown]);
    refused.assert_refused("no organization");
    std::fs::write(&file, "kept").unwrap();
    let refused = safe.back_up(&vault, "file", &[]);
    refused.assert_refused("exists already");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    assert!(!std::fs::exists(safe.path("file.partial")).unwrap());
    assert_eq!(census(&vault.database).await, before);
}

async fn damage(client: &Client, cred_id: &str) {
    let damage = format!(
        "update credentials \
         set sealed_blob = set_byte(sealed_blob, 20, get_byte(sealed_blob, 20) # 1) \
         where cred_id = '{cred_id}'"
    );
    client.execute(&damage, &[]).await.unwrap();
}

/// Restores a backup with findings into an empty database.
async fn restores_findings_only_when_asked(vault: &TestVault, safe: &Safe) {
    let database = Database::create().await;
    let refused = safe.restore(vault, &database, "all", &[]);
    refused.assert_failed_with("--despite-findings");
    assert_eq!(census(&database).await["credentials"], 0);
    let restored = safe.restore(vault, &database, "all", &["--despite-findings", "--json"]);
    let plan = &restored.json()["organizations"][0];
    assert_eq!(plan["credentials"]["insert"], json!(2));
    assert_eq!(census(&database).await["credentials"], 2);
}

#[tokio::test]
async fn what_does_not_verify_is_told_and_kept_only_when_asked() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let good = vault.admin.create("good").await;
    let bad = vault.admin.create("bad").await;
    let client = vault.database.connect().await;
    damage(&client, &bad).await;
    let refused = safe.back_up(&vault, "all", &[]);
    refused.assert_refused(&bad);
    assert!(refused.stderr.contains("does not open") && !refused.stderr.contains(&good));
    assert_eq!(std::fs::read_dir(safe.folder.path()).unwrap().count(), 1);

    let kept = safe.back_up(&vault, "all", &["--despite-findings"]);
    kept.assert_refused("the backup is complete");
    let verified = safe.restore(&vault, &vault.database, "all", &["--verify-only"]);
    verified.assert_refused(&bad);
    restores_findings_only_when_asked(&vault, &safe).await;

    // A backup also finds an edited audit event.
    let other = vault.new_organization("other").0.org;
    let edit = format!("update audit_events set actor = 'x' where org_id = '{other}'");
    client.execute(&edit, &[]).await.unwrap();
    let refused = safe.back_up(&vault, "one", &["--org", &other]);
    refused.assert_refused("was edited");
}
