//! Checks of the files in `deploy/` that require no container engine.

mod backups;
mod scene;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Output};

use cargo_metadata::MetadataCommand;
use strongroom_e2e::{Database, TestVault, deploy_folder, run};

fn read(name: &str) -> String {
    fs::read_to_string(deploy_folder().join(name)).unwrap()
}

#[test]
fn the_image_is_built_from_every_manifest() {
    let recipe = read("Dockerfile");
    let workspace = MetadataCommand::new().no_deps().exec().unwrap();
    for package in workspace.workspace_packages() {
        let manifest = package
            .manifest_path
            .strip_prefix(&workspace.workspace_root);
        let copied = format!("COPY {} ", manifest.unwrap());
        assert!(recipe.contains(&copied), "{copied}");
    }
    // A build without a registry can only use the builder's own syntax.
    assert!(!recipe.contains("# syntax") && !recipe.contains("<<"));
}

/// The words in `text` that begin with `prefix`.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words = words.filter(|word| word.starts_with(prefix));
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let database = Database::create().await;
    let regions = format!("eu={}", database.app_url());
    let vault = TestVault::start_on(database, &[("STRONGROOM_REGIONS", &regions)]).await;
    let metrics = vault.admin.get("/metrics").await.text().await.unwrap();
    let asked = read("observability/alerts.yml") + &read("dashboards/strongroom.json");
    let asked = words(&asked, "strongroom_");
    assert!(asked.len() > 25, "{asked:?}");
    for name in asked {
        // This metric exists only with TLS, which has a suite of its own.
        if name == "strongroom_tls_not_after_timestamp_seconds" {
            continue;
        }
        // The series of a histogram have these endings.
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.iter().find_map(|part| name.strip_suffix(part));
        let there = |name: &str| metrics.contains(&format!("# HELP {name} "));
        assert!(there(&name) || whole.is_some_and(there), "{name}");
    }
}

#[test]
fn every_alert_is_explained() {
    let guide = fs::read_to_string(deploy_folder().join("../docs/operations.md")).unwrap();
    let rules = read("observability/alerts.yml");
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in alerts {
        assert!(guide.contains(&format!("`{alert}`")), "{alert}");
    }
}

#[test]
fn the_dashboard_is_json() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("dashboards/strongroom.json")).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
        assert!(panel["description"].is_string(), "{panel}");
    }
}

fn init_secrets(folder: &std::path::Path) -> Output {
    Command::new(deploy_folder().join("init-secrets"))
        .env("STRONGROOM_SECRETS", folder)
        .output()
        .unwrap()
}

#[tokio::test]
async fn secrets_are_made_once_and_work() {
    let folder = tempfile::tempdir().unwrap();
    let made = init_secrets(folder.path());
    let said = String::from_utf8(made.stderr).unwrap();
    if !nix::unistd::geteuid().is_root() || said.contains("is missing") {
        assert!(!made.status.success() && said.contains("please"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        return;
    }
    assert!(made.status.success(), "{said}");
    let content = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let files = fs::read_dir(folder.path()).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap()).collect();
    assert!(files.len() > 15, "{files:?}");
    for file in &files {
        let public = file.file_name() == "ca.crt";
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if public { 0o444 } else { 0o400 }, "{file:?}");
    }
    let root_key = folder.path().join("root.key");
    assert_eq!(fs::metadata(&root_key).unwrap().uid(), 10001);

    let database = Database::create().await;
    let variables = [
        ("STRONGROOM_DATABASE_URL", &*database.superuser_url()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.to_str().unwrap()),
    ];
    let created = run(&["org", "create", "--name", "o"], &variables);
    assert!(created.success, "{}", created.stderr);
    // The settings are accepted; only the deployment's CA certificate is missing.
    for region in ["eu", "us", "ap"] {
        let file = folder.path().join(format!("strongroom-{region}.toml"));
        let regions = run(&["region", "list", "--config", file.to_str().unwrap()], &[]);
        let missing = "sslrootcert /run/secrets/ca.crt";
        assert!(regions.stderr.contains(missing), "{}", regions.stderr);
    }
    let before: Vec<_> = files
        .iter()
        .map(|file| fs::read(file.path()).unwrap())
        .collect();
    assert!(init_secrets(folder.path()).status.success());
    let after: Vec<_> = files
        .iter()
        .map(|file| fs::read(file.path()).unwrap())
        .collect();
    assert!(before == after, "a secret was replaced");
    assert_ne!(content("app.password"), content("owner.password"));
}
