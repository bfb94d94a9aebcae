//! The grammar of the command line, and the spellings of earlier versions.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use strongroom_e2e::{Finished, TestVault, run, strongroom_binary};
use tempfile::TempDir;

const USAGE: Option<i32> = Some(2);

#[tokio::test]
async fn earlier_spellings_mean_the_same() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    vault.admin.create("listed").await;
    let same: [(&[&str], &[&str]); 5] = [
        (&["key-check", "--json"], &["root-key", "check", "--json"]),
        (
            &["credentials", "list", "--org", org, "--json"],
            &["credential", "list", "--org", org, "--json"],
        ),
        (&["regions"], &["region", "list"]),
        (
            &["rotate", "org", org, "--dry-run", "--json"],
            &["rotate", "org", "--org", org, "--dry-run", "--json"],
        ),
        (&["org", "restore", org], &["org", "restore", "--org", org]),
    ];
    for (earlier, present) in same {
        let (one, other) = (vault.run(earlier), vault.run(present));
        assert_eq!(one.stdout, other.stdout, "{earlier:?}");
        assert_eq!(
            (one.code, one.stderr),
            (other.code, other.stderr),
            "{earlier:?}"
        );
    }
    vault.run(&["org", "delete", org]).assert_success();
    vault.run(&["org", "restore", org]).assert_success();
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run(&["root-key", "new", &path("key")], &[]).assert_success();
    let export = ["audit", "export", "--org", org, "--out", &path("events")];
    vault.run(&export).assert_success();
    let prepare = ["rotate", "root", "--prepare", "--out", &path("new")];
    vault.run(&prepare).assert_success();
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let org = "01a20001-fbb5-7e6b-8a29-eec475269712";
    for args in [
        &["rotate", "retire"][..],
        &["rotate", "retire", "--org", org],
        &["rotate", "org"],
        &["rotate", "org", "--org", org, "--all"],
        &["rotate", "org", "--org", org, "--throttle", "0"],
        &["org", "delete"],
        &["org", "delete", "--org", "x"],
        &["org", "delete", "--org", org, "--grace", "0s"],
        &["org", "delete", "--org", org, "--yes"],
        &["org", "delete", "--org", org, "--now"],
        &[
            "key", "create", "--org", org, "--role", "owner", "--name", "n",
        ],
        &["key", "revoke", "--org", org, "--key", "x"],
        &["credential", "list", "--org", org, "--unused-since", "soon"],
        &["audit", "export", "--since", "soon"],
        &["dev", "--listen", "0.0.0.0:0"],
        &["serve", "--workers", "none"],
        &["serve", "--blob-rules", "typed"],
        &["completion", "tcl"],
        &["nonsense"],
        &[],
    ] {
        let finished = run(args, &[]);
        assert_eq!(finished.code, USAGE, "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn similar_names_are_proposed() {
    for (args, meant) in [
        (&["serve", "--pool-szie", "5"][..], "'--pool-size'"),
        (&["migarte"], "'migrate'"),
        (&["org", "lst"], "'list'"),
        (&["completion", "bsh"], "'bash'"),
    ] {
        let said = run(args, &[]).stderr;
        assert!(said.contains(&format!("did you mean {meant}?")), "{said}");
    }
}

#[test]
fn the_version_names_the_commit() {
    let git = ["rev-parse", "--short=12", "HEAD"];
    let git = Command::new("git").args(git).output();
    let version = run(&["--version"], &[]).stdout;
    let version = version.trim().strip_prefix("strongroom ").unwrap();
    match git {
        Ok(output) if output.status.success() => {
            let (number, commit) = version.split_once(' ').unwrap();
            assert!(
                number.starts_with(|c: char| c.is_ascii_digit()),
                "{version}"
            );
            assert_eq!(commit.len(), "(0123456789ab)".len(), "{version}");
        }
        _ => assert!(!version.contains('('), "{version}"),
    }
}

#[test]
fn shells_and_manuals_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completion", shell], &[]);
        script.assert_prints("root-key");
        script.assert_prints("database-url");
        assert!(!script.stdout.contains("key-check"), "{shell}");
    }
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("man");
    run(&["man", "--output", pages.to_str().unwrap()], &[]).assert_success();
    for page in ["strongroom", "strongroom-serve", "strongroom-rotate-org"] {
        let page = pages.join(format!("{page}.1"));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains(".TH strongroom"), "{}", page.display());
    }
}

#[tokio::test]
async fn json_has_what_the_text_has() {
    let document = run(&["openapi", "--json"], &[]).json();
    assert!(document["openapi"].is_string());
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let state = || vault.run(&["org", "list", "--json"]).json()[0]["state"].clone();
    assert_eq!(state(), "active");
    let listed = vault.keys(org);
    assert_eq!(listed[0]["state"], "valid");
    vault.revoke(org, listed[0]["key_id"].as_str().unwrap());
    assert_eq!(vault.keys(org)[0]["state"], "revoked");
    vault.run(&["org", "delete", "--org", org]).assert_success();
    assert_eq!(state(), "deleted");
    let destroy = ["org", "delete", "--org", org, "--now", "--yes"];
    vault.run(&destroy).assert_success();
    assert_eq!(state(), "destroyed");
}

/// Runs `org delete --now` on a terminal, at which `typed` is entered.
fn destroy_on_a_terminal(vault: &TestVault, typed: &str) -> Finished {
    let binary = strongroom_binary().display();
    let command = format!("{binary} org delete --org {} --now", vault.admin.org);
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("STRONGROOM_DATABASE_URL", vault.database.superuser_url())
        .env("STRONGROOM_ROOT_KEY_FILE", vault.root_key_file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, format!("{typed}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), None);
    Finished {
        success: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::new(),
    }
}

#[tokio::test]
async fn an_organization_is_destroyed_once_its_name_is_typed() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.as_str();
    let state = || vault.run(&["org", "list", "--json"]).json()[0]["state"].clone();
    let blind = vault.run(&["org", "delete", "--org", org, "--now"]);
    blind.assert_refused("--yes");
    assert_eq!((blind.code, state()), (USAGE, "active".into()));
    let wrong = destroy_on_a_terminal(&vault, "tset");
    assert!(wrong.stdout.contains("(test)"), "{}", wrong.stdout);
    assert!(
        wrong.stdout.contains("nothing was changed"),
        "{}",
        wrong.stdout
    );
    assert_eq!((wrong.code, state()), (Some(1), "active".into()));
    let right = destroy_on_a_terminal(&vault, "test");
    assert!(right.success, "{}", right.stdout);
    assert_eq!(state(), "destroyed");
}
