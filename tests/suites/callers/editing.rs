use std::fs;

use serde_json::json;
use strongroom_e2e::{Finished, TestVault};

use super::user::User;

/// Edits the credential `id` on a terminal, in an editor that runs `script` on the file `$1`.
fn edit_with(user: &User, id: &str, script: &str, typed: &str) -> Finished {
    let editor = user.path("editor");
    fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    let variables = [("EDITOR", format!("sh {editor}"))];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    user.run_on_terminal(&format!("credential edit {id}"), typed, &variables)
}

fn leftovers(user: &User) -> Vec<String> {
    let entries = fs::read_dir(user.home.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with("strongroom-edit-"))
        .collect()
}

#[tokio::test]
async fn label_and_secret_are_changed_apart_or_together() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("one").await;
    let edit = |more: &[&str], input: &str| {
        let args = [&["credential", "edit", &id], more].concat();
        user.run_with(&args, input, &[])
    };
    let secret = async || vault.admin.secret(&id).await["api_key"].clone();
    let label = async || vault.admin.list().await[0]["extcred_label"].clone();
    // Standard input is not read for the label alone.
    edit(&["--label", "new"], "{\"api_key\":\"no\"}").assert_success();
    assert_eq!(
        (label().await, secret().await),
        (json!("new"), json!("one"))
    );
    edit(&[], "{\"api_key\":\"two\"}\n").assert_success();
    assert_eq!(
        (label().await, secret().await),
        (json!("new"), json!("two"))
    );
    edit(&["--label", "", "--from", "-"], "{\"api_key\":\"three\"}").assert_success();
    assert_eq!((label().await, secret().await), (json!(""), json!("three")));
    edit(&[], "").assert_refused("not JSON");
    edit(&["--from", &user.path("none")], "").assert_refused("cannot read");
    assert_eq!(secret().await, json!("three"));
}

#[tokio::test]
async fn an_editor_gets_a_private_file_that_is_wiped() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("canary").await;
    let seen = user.path("seen");
    // A link keeps the wiped file's content in view.
    let script = format!(
        "stat -c '%a' \"$1\" \"$(dirname \"$1\")\" > {seen}; ln \"$1\" {seen}.link; \
         sed -i.bak s/canary/heron/ \"$1\""
    );
    let done = edit_with(&user, &id, &script, "");
    assert!(done.success, "{}", done.stdout);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    assert_eq!(vault.admin.secret(&id).await, json!({"api_key": "heron"}));
    assert_eq!(fs::read_to_string(&seen).unwrap(), "600\n700\n");
    let wiped = fs::read(format!("{seen}.link")).unwrap();
    assert!(!wiped.is_empty() && wiped.iter().all(|byte| *byte == 0));
    assert!(leftovers(&user).is_empty());
}

#[tokio::test]
async fn an_edit_that_fails_changes_nothing() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("canary").await;
    for (script, typed, told) in [
        ("true", "", "nothing was changed"),
        ("exit 3", "", "nothing was changed"),
        ("echo '{' > \"$1\"", "no\n", "not JSON"),
        // Ctrl-C at the editor.
        ("kill -INT $$", "", "nothing was changed"),
        (
            "kill -INT $PPID; kill -TERM $PPID; exit 1",
            "",
            "nothing was changed",
        ),
    ] {
        let done = edit_with(&user, &id, script, typed);
        assert_eq!(done.code, Some(1), "{script}: {}", done.stdout);
        assert!(done.stdout.contains(told), "{script}: {}", done.stdout);
        assert!(leftovers(&user).is_empty(), "{script}");
    }
    let script = "grep -q '{.*}' \"$1\" && echo { > \"$1\" || echo '{\"api_key\":\"b\"}' > \"$1\"";
    let done = edit_with(&user, &id, script, "yes\n");
    assert!(done.success, "{}", done.stdout);
    assert_eq!(vault.admin.secret(&id).await, json!({"api_key": "b"}));
}

#[tokio::test]
async fn what_changed_meanwhile_is_not_overwritten() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("one").await;
    let etag = || {
        let listed = user.run(&["credential", "list", "--json"]).json();
        listed[0]["etag"].as_str().unwrap().to_owned()
    };
    let first = etag();
    let with = |input: &str, more: &[&str]| {
        let args = [&["credential", "edit", &id], more].concat();
        user.run_with(&args, input, &[])
    };
    let merge = ["--merge", "--if-match", &first];
    with("{\"note\":\"n\"}", &merge).assert_success();
    let merged = json!({"api_key": "one", "note": "n"});
    assert_eq!(vault.admin.secret(&id).await, merged);
    with("{\"note\":null}", &merge).assert_refused("precondition_failed");
    with("{}", &["--label", "a", "--if-match", &first]).assert_refused("status 412");
    let delete = ["credential", "delete", &id, "--yes", "--if-match"];
    user.run(&[&delete[..], &[&first]].concat())
        .assert_refused("precondition_failed");
    assert_eq!(vault.admin.secret(&id).await, merged);
    // While the editor runs, another writer changes the credential.
    let other = format!(
        "echo '{{\"note\":\"other\"}}' | {} credential edit {id} --merge >&2; \
         sed -i s/one/two/ \"$1\"",
        strongroom_e2e::strongroom_binary().display()
    );
    let done = edit_with(&user, &id, &other, "");
    assert!(!done.success, "{}", done.stdout);
    let kept = json!({"api_key": "one", "note": "other"});
    assert_eq!(vault.admin.secret(&id).await, kept);
    let last = etag();
    user.run(&[&delete[..], &[&last]].concat()).assert_success();
    assert!(vault.admin.list().await.is_empty());
}
