//! What a restore refuses before it writes anything: damaged, forged and foreign backups, wrong keys, lacking rights.

use serde_json::json;
use strongroom_e2e::{Database, Finished, TestVault, run};

use crate::safe::{Safe, census};

/// A vault with a backup in the file `all`, and a database that nothing may be written to.
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
        let made = safe.back_up(&vault, "all", &[]);
        assert!(made.success, "{}", made.stderr);
        let database = Database::create().await;
        Self {
            vault,
            safe,
            database,
        }
    }

    /// Restores the file `name`, which must fail with `why`.
    async fn refuses(&self, name: &str, why: &str) {
        let before = census(&self.database).await;
        let refused = self.safe.restore(&self.vault, &self.database, name, &[]);
        assert!(
            !refused.success && refused.stderr.contains(why),
            "{name}: {refused:?}"
        );
        assert_eq!(census(&self.database).await, before, "{name}");
    }
}

#[tokio::test]
async fn a_damaged_file() {
    let kept = Kept::new().await;
    let whole = std::fs::read(kept.safe.path("all")).unwrap();
    assert!(
        whole.len() > 3 * 65_536,
        "too small to be cut between chunks: {}",
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

#[tokio::test]
async fn one_that_somebody_made_without_the_root_key() {
    let kept = Kept::new().await;
    let text = kept.safe.decrypted("all");
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let find = |what: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(what))
            .unwrap()
    };
    let credential = find("{\"credential\"");
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        joined(&lines)
    };
    let mut swapped = lines.clone();
    swapped.swap(credential, credential + 1);
    let relabeled = text.replacen("\"label\":\"\"", "\"label\":\"mine\"", 1);
    let promoted = text.replacen("\"role\":\"member\"", "\"role\":\"admin\"", 1);
    let mut twice = lines.clone();
    twice.insert(credential, lines[credential]);
    let last = lines.len() - 1;
    for (what, forged) in [
        ("without a credential", without(credential)),
        ("without an event", without(find("{\"event\""))),
        ("without its end", without(last)),
        ("swapped", joined(&swapped)),
        ("relabeled", relabeled),
        ("promoted", promoted),
        ("twice", joined(&twice)),
        ("more", format!("{text}{}\n", lines[last])),
        ("nonsense", format!("{}\nnonsense\n", lines[0])),
    ] {
        assert_ne!(forged, text, "{what}");
        kept.safe.encrypt("forged", &forged);
        kept.refuses("forged", "damaged").await;
    }
    kept.safe.encrypt("no backup", "hello\n");
    kept.refuses("no backup", "is no backup").await;
    for (newer, by) in [
        ("\"format\":1", "\"format\":2"),
        ("\"schema\":8", "\"schema\":999"),
    ] {
        assert!(text.contains(newer), "{newer}");
        kept.safe.encrypt("newer", &text.replacen(newer, by, 1));
        kept.refuses("newer", "made by a newer version").await;
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

#[tokio::test]
async fn wrong_keys_and_lacking_rights() {
    let kept = Kept::new().await;
    let empty = census(&kept.database).await;
    let (url, right) = (kept.database.superuser_url(), kept.vault.root_key_file());
    let (identity, other) = (kept.safe.path("identity"), kept.safe.path("other.key"));
    assert!(run(&["root-key", "new", &other], &[]).success);
    let text = std::fs::read_to_string(&right).unwrap();
    let id = text
        .split("-v1:")
        .nth(1)
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    for more in [&[][..], &["--dry-run"], &["--verify-only"]] {
        let refused = restore(&kept, &url, &other, &identity, more);
        assert!(
            !refused.success && refused.stderr.contains(id),
            "{refused:?}"
        );
    }
    let stranger = Safe::new();
    let refused = restore(&kept, &url, &right, &stranger.path("identity"), &[]);
    assert!(
        refused.stderr.contains("encrypted to other recipients"),
        "{refused:?}"
    );
    let refused = restore(&kept, &url, &right, &right, &[]);
    assert!(
        refused.stderr.contains("cannot read the identity"),
        "{refused:?}"
    );
    let refused = restore(&kept, &kept.database.app_url(), &right, &identity, &[]);
    let said = &refused.stderr;
    assert!(
        said.contains("audit_checkpoints") && said.contains("strongroom migrate"),
        "{said}"
    );
    assert_eq!(census(&kept.database).await, empty);

    // Another installation's database.
    let foreign = TestVault::start_with(&[]).await;
    let before = census(&foreign.database).await;
    let both = kept.safe.path("both.key");
    let foreign_key = std::fs::read_to_string(foreign.root_key_file()).unwrap();
    std::fs::write(&both, format!("{foreign_key}{text}")).unwrap();
    std::fs::set_permissions(&both, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let url = foreign.database.superuser_url();
    let refused = restore(&kept, &url, &both, &identity, &[]);
    assert!(
        refused.stderr.contains("another installation"),
        "{refused:?}"
    );
    let refused = restore(&kept, &url, &right, &identity, &[]);
    assert!(
        refused.stderr.contains("restored into cannot be opened"),
        "{refused:?}"
    );
    assert_eq!(census(&foreign.database).await, before);

    // Without tables.
    let bare = Database::create_empty("backup_without_tables").await;
    let refused = restore(&kept, &bare.superuser_url(), &right, &identity, &[]);
    assert!(
        refused.stderr.contains("run `strongroom migrate`"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn backups_that_cannot_be_made() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let before = census(&vault.database).await;
    let told = |args: &[&str]| {
        let finished = vault.run(args);
        assert!(!finished.success, "{args:?}");
        finished.stderr
    };
    let file = safe.path("file");
    let said = told(&["backup", "--output", &file, "--recipient", "age1nonsense"]);
    assert!(said.contains("not a recipient"), "{said}");
    let secret = std::fs::read_to_string(safe.path("identity")).unwrap();
    let said = told(&["backup", "--output", &file, "--recipient", &secret]);
    assert!(
        said.contains("a private key is not a recipient") && !said.contains(&secret),
        "{said}"
    );
    let nobody = "0190a1b2-0000-7000-8000-0123456789ab";
    let said = safe.back_up(&vault, "file", &["--org", nobody]).stderr;
    assert!(said.contains("no organization"), "{said}");
    std::fs::write(&file, "kept").unwrap();
    let said = safe.back_up(&vault, "file", &[]).stderr;
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    assert!(!std::fs::exists(safe.path("file.partial")).unwrap());
    assert_eq!(census(&vault.database).await, before);
}

#[tokio::test]
async fn what_does_not_verify_is_told_and_kept_only_when_asked() {
    let vault = TestVault::start_with(&[]).await;
    let safe = Safe::new();
    let good = vault.admin.create("good").await;
    let bad = vault.admin.create("bad").await;
    let client = vault.database.connect().await;
    let damage = format!(
        "update credentials set sealed_blob = set_byte(sealed_blob, 20, get_byte(sealed_blob, 20) # 1) \
         where cred_id = '{bad}'"
    );
    client.execute(&damage, &[]).await.unwrap();
    let refused = safe.back_up(&vault, "all", &[]);
    assert!(
        !refused.success && refused.stderr.contains(&bad),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("does not open") && !refused.stderr.contains(&good));
    assert_eq!(std::fs::read_dir(safe.folder.path()).unwrap().count(), 1);

    let kept = safe.back_up(&vault, "all", &["--despite-findings"]);
    assert!(
        !kept.success && kept.stderr.contains("the backup is complete"),
        "{kept:?}"
    );
    let verified = safe.restore(&vault, &vault.database, "all", &["--verify-only"]);
    assert!(
        !verified.success && verified.stderr.contains(&bad),
        "{verified:?}"
    );
    let database = Database::create().await;
    let refused = safe.restore(&vault, &database, "all", &[]);
    assert!(
        !refused.success && refused.stdout.contains("--despite-findings"),
        "{refused:?}"
    );
    assert_eq!(census(&database).await["credentials"], 0);
    let restored = safe
        .restore(&vault, &database, "all", &["--despite-findings", "--json"])
        .json();
    assert_eq!(
        restored["organizations"][0]["credentials"]["insert"],
        json!(2)
    );
    assert_eq!(census(&database).await["credentials"], 2);

    // An edited audit event is found as well.
    let other = vault.new_organization("other").0;
    let edit = format!(
        "update audit_events set actor = 'x' where org_id = '{}'",
        other.org
    );
    client.execute(&edit, &[]).await.unwrap();
    let refused = safe.back_up(&vault, "one", &["--org", &other.org]);
    assert!(
        !refused.success && refused.stderr.contains("was edited"),
        "{refused:?}"
    );
}
