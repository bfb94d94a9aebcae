use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::json;
use strongroom_e2e::{TestVault, strongroom_binary};

use super::user::User;

#[tokio::test]
async fn a_command_gets_secrets_in_its_environment() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let pair = json!({"extcred_provider": "generic", "extcred_type": "user_pass",
                      "json_blob": {"username": "heron\u{e9}\n", "password": "canary", "n": 1}});
    let id = vault.admin.create_from(&pair).await;
    let (whole, user_name) = (format!("{id}=WHOLE"), format!("{id}.username=NAME"));
    let exec = [
        "exec",
        "--credential",
        &whole,
        "--credential",
        &user_name,
        "--",
    ];
    let script = r#"printf '%s|%s' "$NAME" "$WHOLE"; exit 7"#;
    let done = user.run(&[&exec[..], &["sh", "-c", script]].concat());
    assert_eq!(done.code, Some(7), "{}", done.stderr);
    let (name, blob) = done.stdout.split_once('|').unwrap();
    assert_eq!(name, "heron\u{e9}\n");
    let blob: serde_json::Value = serde_json::from_str(blob).unwrap();
    assert_eq!(blob, pair["json_blob"]);
    // In no argument, and the variables of the caller stay.
    let script = "tr '\\0' ' ' < /proc/$$/cmdline; env | grep -c -e ^HOME= -e ^WHOLE=";
    let done = user.run(&[&exec[..], &["sh", "-c", script, "--json"]].concat());
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    assert!(done.stdout.ends_with("2\n"), "{}", done.stdout);
    // Each reveal is recorded, and a credential that is named twice is read once.
    let events = vault
        .admin
        .get("/organizations/config/audit-events?limit=1000")
        .await;
    let events: serde_json::Value = events.json().await.unwrap();
    let events = events["result"].as_array().unwrap();
    let reveals = events
        .iter()
        .filter(|event| event["action"] == "credential.reveal");
    assert_eq!(reveals.count(), 2);
}

#[tokio::test]
async fn the_command_takes_the_place_of_the_process() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("x").await;
    let source = format!("{id}=X");
    let mut command = Command::new(strongroom_binary());
    command.args([
        "exec",
        "--credential",
        &source,
        "--",
        "sh",
        "-c",
        "kill -TERM $$",
    ]);
    command.env("HOME", user.home.path());
    assert_eq!(command.status().unwrap().signal(), Some(15));
    let missing = user.run(&["exec", "--credential", &source, "--", "/no/such/program"]);
    missing.assert_refused("cannot start /no/such/program");
    assert_eq!(missing.code, Some(1));
}

#[tokio::test]
async fn nothing_is_started_if_one_credential_fails() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let body = json!({"extcred_provider": "generic", "extcred_type": "json_credentials",
                      "json_blob": {"text": "canary", "list": ["canary"], "nul": "canary\u{0}"}});
    let id = vault.admin.create_from(&body).await;
    let none = "01a20001-fbb5-7e6b-8a29-eec475269712";
    let touched = user.path("touched");
    for (sources, code, told) in [
        (vec![format!("{id}=A"), format!("{none}=B")], 1, none),
        (vec![format!("{id}.list=A")], 1, "is not a string"),
        (vec![format!("{id}.nul=A")], 1, "NUL"),
        (vec![format!("{id}.other=A")], 1, "no member \"other\""),
        (vec![format!("{id}=A"), format!("{id}.text=A")], 2, "twice"),
        (vec![format!("{id}=A-B")], 2, "begins with no digit"),
        (vec![format!("{id}=1")], 2, "begins with no digit"),
        (vec!["x=A".to_owned()], 2, "id of a credential"),
        (vec![id.clone()], 2, "ID=VAR"),
    ] {
        let mut args = vec!["exec"];
        for source in &sources {
            args.extend(["--credential", source]);
        }
        args.extend(["--json", "--", "touch", &touched]);
        let refused = user.run(&args);
        refused.assert_refused(told);
        refused.assert_failed_with("\"errors\"");
        assert_eq!(refused.code, Some(code), "{sources:?}");
        let said = refused.stdout + &refused.stderr;
        assert!(!said.contains("canary"), "{said}");
        assert!(!std::path::Path::new(&touched).exists(), "{sources:?}");
    }
}
