use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use serde_json::{Value, json};
use strongroom_e2e::{TestVault, api_key};

use super::user::{User, mode};

const BLOB: &str = r#"{"api_key":"canary-1", "n" : 1e400}"#;

fn create(user: &User, more: &[&str], blob: &str) -> String {
    let args = [
        "credential",
        "create",
        "--provider",
        "generic",
        "--type",
        "api_key",
        "--json",
    ];
    let made = user.run_with(&[&args, more].concat(), blob, &[]).json();
    made["external_cred_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_goes_in_and_comes_out_unchanged() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let file = user.path("blob.json");
    fs::write(&file, BLOB).unwrap();
    let more = [
        "--label",
        "a \"b\"",
        "--from",
        &file,
        "--consistency",
        "all_regions",
    ];
    let id = create(&user, &more, "");
    let got = user.run(&["credential", "get", &id]);
    assert_eq!(got.stdout, format!("{BLOB}\n"));
    let whole = user.run(&["credential", "get", &id, "--json"]);
    whole.assert_prints(r#""extcred_label":"a \"b\"""#);
    whole.assert_prints(BLOB);
    let output = user.path("out");
    let written = user.run(&["credential", "get", &id, "--output", &output]);
    written.assert_success();
    assert!(!written.stdout.contains("canary"));
    assert_eq!(fs::read_to_string(&output).unwrap(), BLOB);
    assert_eq!(mode(Path::new(&output)), 0o600);
    let again = user.run(&["credential", "get", &id, "--output", &output]);
    again.assert_refused("exists already");
    let (_, member) = (&vault.admin, User::of(&vault.member));
    let refused = member.run(&["credential", "get", &id, "--json"]);
    refused.assert_refused("(status 403, forbidden)");
    refused.assert_failed_with("\"errors\"");
    assert_eq!(refused.code, Some(1));
}

#[tokio::test]
async fn what_the_server_refuses_is_shown_without_the_secret() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let args = [
        "credential",
        "create",
        "--provider",
        "generic",
        "--type",
        "user_pass",
    ];
    let refused = user.run_with(&args, r#"{"canary":"canary"}"#, &[]);
    refused.assert_refused("json_blob.username is required");
    refused.assert_refused("json_blob.password is required");
    refused.assert_refused("status 400");
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    for blob in ["", "canary", "{\"a\": canary}", "{} {}"] {
        let refused = user.run_with(&args, blob, &[]);
        refused.assert_refused("not JSON");
        assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    }
    let unknown = [
        "credential",
        "create",
        "--provider",
        "acme",
        "--type",
        "api_key",
    ];
    assert_eq!(user.run(&unknown).code, Some(2));
    let gone = user.run(&["credential", "get", "01a20001-fbb5-7e6b-8a29-eec475269712"]);
    gone.assert_refused("(status 404, not_found)");
    assert_eq!(user.run(&["credential", "get", "../.."]).code, Some(2));
}

#[tokio::test]
async fn lists_are_complete_and_filtered() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let shop = json!({"extcred_provider": "shopify", "extcred_type": "access_token",
                      "extcred_label": "a&b", "json_blob": {"access_token": "x"}});
    let id = vault.admin.create_from(&shop).await;
    let count = || {
        user.run(&["credential", "list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(), 1);
    // More than a page.
    for _ in 0..10 {
        let bodies: Vec<_> = (0..100).map(|_| api_key("x")).collect();
        join_all(bodies.iter().map(|body| vault.admin.create_from(body))).await;
    }
    assert_eq!(count(), 1001);
    let found = [
        "--provider",
        "shopify",
        "--type",
        "access_token",
        "--label",
        "a&b",
    ];
    let list = |more: &[&str]| user.run(&[&["credential", "list"], more].concat());
    list(&found).assert_prints(&id);
    let one: Value = list(&[&found[..], &["--json"]].concat()).json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["extcred_label"], "a&b");
    assert!(one[0]["created_at"].is_string());
    // The operator's inventory is the same list, with the same filters.
    let org = ["--org", vault.admin.org.as_str(), "--json"];
    let inventory = vault.run(&[&["credential", "list"], &found[..], &org].concat());
    assert_eq!(inventory.json(), one);
    let unused = list(&["--unused-since", "1d", "--json"]).json();
    assert_eq!(unused, json!([]));
}

#[tokio::test]
async fn lists_are_searched_and_sorted() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    for (label, expires) in [
        ("Shop b", "2199-01-01"),
        ("shop a", "2198-01-01"),
        ("mail", "2197-01-01"),
    ] {
        create(&user, &["--label", label, "--expires", expires], BLOB);
    }
    let labels = |more: &[&str]| {
        let listed = user.run(&[&["credential", "list", "--json"], more].concat());
        let listed = listed.json();
        let label = |item: &Value| item["extcred_label"].as_str().unwrap().to_owned();
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(label)
            .collect::<Vec<_>>()
    };
    let all = ["mail", "shop a", "Shop b"];
    assert_eq!(labels(&["--sort", "extcred_label"]), all);
    assert_eq!(
        labels(&["--sort", "-expires_at"]),
        ["Shop b", "shop a", "mail"]
    );
    let found = labels(&["--label-contains", "SHOP", "--sort=-extcred_label"]);
    assert_eq!(found, ["Shop b", "shop a"]);
    assert_eq!(labels(&["--label-contains", "%"]), Vec::<String>::new());
    let refused = user.run(&["credential", "list", "--sort", "color"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("-extcred_label"), "{refused:?}");
    for flag in ["--label-contains=a", "--sort=created"] {
        let list = ["credential", "list", "--org", &vault.admin.org, flag];
        let (name, _) = flag.split_once('=').unwrap();
        vault
            .run(&list)
            .assert_refused(&format!("{name} is for calls over HTTP"));
    }
}

#[tokio::test]
async fn a_deletion_is_confirmed() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let ids = [
        create(&user, &[], BLOB),
        create(&user, &[], BLOB),
        create(&user, &[], BLOB),
    ];
    let blind = user.run(&["credential", "delete", &ids[0]]);
    blind.assert_refused("--yes");
    assert_eq!(blind.code, Some(2));
    for args in [
        &["credential", "delete"][..],
        &["credential", "delete", &ids[0], "--all"],
    ] {
        assert_eq!(user.run(args).code, Some(2), "{args:?}");
    }
    let delete = format!("credential delete {}", ids[0]);
    let no = user.run_on_terminal(&delete, "no\n", &[]);
    assert!(no.stdout.contains("nothing was changed"), "{}", no.stdout);
    assert_eq!(no.code, Some(1));
    assert_eq!(vault.admin.list().await.len(), 3);
    assert!(user.run_on_terminal(&delete, "yes\n", &[]).success);
    assert_eq!(vault.admin.list().await.len(), 2);
    user.run(&["credential", "delete", &ids[1], "--yes"])
        .assert_success();
    assert_eq!(vault.admin.list().await.len(), 1);
    let all = user.run(&["credential", "delete", "--all", "--yes", "--json"]);
    assert_eq!(all.json()["deleted"], true);
    assert!(vault.admin.list().await.is_empty());
}
