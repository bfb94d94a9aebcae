use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::TestVault;

use super::user::{User, mode};

const USAGE: Option<i32> = Some(2);

#[tokio::test]
async fn a_profile_is_kept_in_a_private_file() {
    let vault = TestVault::start().await;
    let user = User::new();
    let done = user.log_in(&vault.admin, &["--profile", "work", "--json"]);
    assert_eq!(done.json()["profile"], "work");
    assert!(!(done.stdout + &done.stderr).contains(&vault.admin.key));
    let file = user.profile("work");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let listed = ["credential", "list", "--profile", "work"];
    user.run(&listed).assert_success();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    user.run(&listed).assert_refused("chmod 600");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    // A second login replaces the first.
    user.log_in(&vault.member, &["--profile", "work"])
        .assert_success();
    assert!(
        !fs::read_to_string(&file)
            .unwrap()
            .contains(&vault.admin.key)
    );
    let work = [("STRONGROOM_PROFILE", "work")];
    user.run_with(&["logout"], "", &work).assert_success();
    assert!(!file.exists());
    let gone = user.run_with(&["credential", "list"], "", &work);
    gone.assert_refused("strongroom login --profile work");
    user.run(&["logout", "--profile", "work"])
        .assert_refused("there is no profile");
}

#[tokio::test]
async fn a_key_is_checked_before_it_is_kept() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let user = User::new();
    for (org, key) in [
        (&vault.admin.org, &other.key),
        (&other.org, &vault.admin.key),
        (&vault.admin.org, &"sr_admin_x".to_owned()),
    ] {
        let mut caller = vault.admin.clone();
        (caller.org, caller.key) = (org.clone(), key.clone());
        let refused = user.log_in(&caller, &["--json"]);
        refused.assert_refused("401");
        refused.assert_failed_with("\"errors\"");
        assert!(!refused.stderr.contains(key.as_str()), "{}", refused.stderr);
    }
    let mut caller = vault.admin.clone();
    for key in ["", "two\nlines", "caf\u{7}"] {
        key.clone_into(&mut caller.key);
        user.log_in(&caller, &[]).assert_refused("one line");
    }
    assert!(!user.profile("default").exists());
    // A caller who may not list is valid as well, and a file works as standard input does.
    let file = user.path("key");
    fs::write(&file, format!("{}\n", vault.member.key)).unwrap();
    let (url, org) = (vault.member.url.as_str(), vault.member.org.as_str());
    let args = ["login", "--url", url, "--org", org, "--key-file", &file];
    user.run(&args).assert_success();
}

#[test]
fn what_would_betray_a_key_is_refused() {
    let user = User::new();
    let org = "01a20001-fbb5-7e6b-8a29-eec475269712";
    let login = |url: &str, more: &[&str]| {
        let args = ["login", "--url", url, "--org", org, "--key-file", "-"];
        user.run_with(&[&args, more].concat(), "canary", &[])
    };
    for url in ["http://example.com:8700", "http://10.1.2.3"] {
        let refused = login(url, &[]);
        refused.assert_refused("--insecure-http");
        assert_eq!(refused.code, USAGE);
    }
    for (url, more) in [
        ("127.0.0.1:8700", &[][..]),
        ("https://user:password@h", &[]),
        ("https://h", &["--profile", "../x"]),
        ("https://h", &["--profile", ""]),
        ("https://h", &["--client-id", "x"]),
        ("https://h", &["--key", "secret"]),
    ] {
        let refused = login(url, more);
        assert_eq!(refused.code, USAGE, "{url} {more:?}: {}", refused.stderr);
    }
    // Nothing listens there. The error names the server, and no secret.
    let refused = login("http://127.0.0.1:9", &[]);
    refused.assert_refused("no answer from http://127.0.0.1:9");
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    let ca = user.path("none.pem");
    login("https://127.0.0.1:9", &["--ca-file", &ca]).assert_refused("--ca-file");
    assert!(!user.profile("default").exists());
}

#[tokio::test]
async fn an_oauth_client_logs_in_as_well() {
    let vault = TestVault::start().await;
    let user = User::new();
    let body = json!({"client_name": "cli", "grant_types": ["client_credentials"],
                      "scopes": ["credentials:list"]});
    let made = vault
        .admin
        .call(Method::POST, "/oauth2/clients", &body, 201);
    let made = made.await;
    let (id, secret) = (&made["client_id"], &made["client_secret"]);
    let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
    let (url, org) = (vault.admin.url.as_str(), vault.admin.org.as_str());
    let login = |secret: &str| {
        let args = ["login", "--url", url, "--org", org, "--client-id", id];
        let args = [&args[..], &["--client-secret-file", "-"]].concat();
        user.run_with(&args, secret, &[])
    };
    login("wrong").assert_refused("401");
    login(secret).assert_success();
    let id = vault.admin.create("canary").await;
    user.run(&["credential", "list"]).assert_prints(&id);
    let refused = user.run(&["credential", "get", &id]);
    refused.assert_refused("status 403");
    assert!(!refused.stderr.contains(secret), "{}", refused.stderr);
}
