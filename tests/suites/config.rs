//! Configuration: its sources, its errors, and the secrets that are never printed.

mod mistakes;

use serde_json::{Value, json};
use strongroom_e2e::{Database, Server, TestVault, refusal, run};
use tempfile::TempDir;

/// Part of every secret value; no error may contain it.
const CANARY: &str = "canary7";

type Pair<'a> = (&'a str, &'a str);

const URL: Pair<'_> = ("DATABASE_URL", "postgresql://u:canary7@127.0.0.1:1/d");

/// Wrong variables and flags: variables, flags, and the texts of the error.
const WRONG_VALUES: [(&[Pair<'_>], &[&str], [&str; 2]); 12] = [
    (&[], &[], ["database_url", "DATABASE_URL"]),
    (&[URL], &[], ["root_key", "STRONGROOM_ROOT_KEY_FILE"]),
    (
        &[URL, ("STRONGROOM_ROOT_KEY", "canary7")],
        &[],
        ["root_key", "variable STRONGROOM_ROOT_KEY"],
    ),
    (
        &[("DATABASE_URL", "mysql://canary7")],
        &[],
        ["database_url", "variable DATABASE_URL"],
    ),
    (
        &[("STRONGROOM_DATABASE_URL", "canary7")],
        &[],
        ["database_url", "variable STRONGROOM_DATABASE_URL"],
    ),
    (
        &[],
        &["--database-url", "canary7"],
        ["database_url", "flag --database-url"],
    ),
    (
        &[("DATABASE_URL", "postgresql://u:canary7@h/d?sslmode=maybe")],
        &[],
        ["database_url", "sslmode"],
    ),
    (
        &[URL, ("STRONGROOM_ROOT_KEY_PASSPHRASE", "canary7")],
        &[],
        ["root_key_passphrase", "16 characters"],
    ),
    (
        &[URL, ("STRONGROOM_LISTEN", "everywhere")],
        &[],
        ["listen", "variable STRONGROOM_LISTEN"],
    ),
    (
        &[URL],
        &["--blob-validation", "none"],
        ["blob_validation", "flag --blob-validation"],
    ),
    (
        &[URL, ("STRONGROOM_ROOT_KEY", "x")],
        &["--request-timeout", "0"],
        ["request_timeout", "flag --request-timeout"],
    ),
    (
        &[],
        &["--config", "/nowhere/x.toml"],
        ["/nowhere/x.toml", "No such file"],
    ),
];

/// Wrong configuration files: name, content, and a text of the error beside the file's path.
const WRONG_FILES: [(&str, &str, &str); 4] = [
    (
        "unknown.toml",
        "listen = \"127.0.0.1:0\"\ndatabase = \"canary7\"\n",
        "database",
    ),
    (
        "broken.toml",
        "listen = \"127.0.0.1:0\"\nroot_key = \"canary7\n",
        "line 2",
    ),
    ("typed.toml", "root_key = { a = \"canary7\" }\n", "root_key"),
    (
        "size.toml",
        "pool_size = 0\ndatabase_url = \"postgresql://u:canary7@h/d\"\n",
        "pool_size",
    ),
];

fn is_refused_with(args: &[&str], variables: &[Pair<'_>], texts: [&str; 2]) {
    let output = refusal(args, variables);
    assert!(!output.contains(CANARY), "{output}");
    for text in texts {
        assert!(
            output.contains(text),
            "{args:?} {variables:?}: no {text:?} in {output}"
        );
    }
}

#[test]
fn errors_name_setting_problem_and_origin_and_no_secret() {
    for (variables, flags, texts) in WRONG_VALUES {
        is_refused_with(flags, variables, texts);
    }
    let folder = TempDir::new().unwrap();
    for (name, content, text) in WRONG_FILES {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let file = file.to_str().unwrap();
        is_refused_with(&["--config", file], &[], [text, file]);
        is_refused_with(&[], &[("STRONGROOM_CONFIG", file)], [text, file]);
    }
}

#[tokio::test]
async fn flags_beat_variables_beat_the_file() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("strongroom.toml");
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    let text = format!(
        "database_url = \"{url}\"\n\
         root_key_file = \"{root_key}\"\n\
         listen = \"127.0.0.1:0\"\n\
         log_level = \"debug\"\n\
         workers = 1\n"
    );
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    // The file is sufficient, and has precedence over DATABASE_URL, which many platforms set.
    let server = Server::spawn(
        &["serve", "--config", file],
        &[("DATABASE_URL", "postgresql://u@127.0.0.1:1/d")],
    );
    vault.ready(&server.url()).await;
    // A wrong value is not read if a source of higher precedence sets it.
    let variables = [
        ("STRONGROOM_CONFIG", file),
        ("STRONGROOM_LISTEN", "127.0.0.2:0"),
        ("STRONGROOM_WORKERS", "none"),
    ];
    let server = Server::spawn(&["serve", "--workers", "1"], &variables);
    vault.ready(&server.url()).await;
    assert!(
        server.url().starts_with("http://127.0.0.2:"),
        "{}",
        server.url()
    );
    let server = Server::spawn(
        &["serve", "--workers", "1", "--listen", "127.0.0.3:0"],
        &variables,
    );
    assert!(
        server.url().starts_with("http://127.0.0.3:"),
        "{}",
        server.url()
    );
}

#[tokio::test]
async fn a_passphrase_works_across_restarts_and_no_other_does() {
    let database = Database::create().await;
    let (app, superuser) = (database.app_url(), database.superuser_url());
    let passphrase = (
        "STRONGROOM_ROOT_KEY_PASSPHRASE",
        "correct horse battery staple",
    );
    let operator = [("DATABASE_URL", superuser.as_str()), passphrase];
    let org = run(&["org", "create", "--name", "o", "--json"], &operator).json();
    let org = org["org_id"].as_str().unwrap();
    let key = [
        "key", "create", "--org", org, "--role", "admin", "--name", "n", "--json",
    ];
    let key = run(&key, &operator).json();
    let mut id = String::new();
    for start in 0..2 {
        let variables = [
            ("DATABASE_URL", app.as_str()),
            passphrase,
            ("STRONGROOM_LISTEN", "127.0.0.1:0"),
        ];
        let server = Server::spawn(&["serve"], &variables);
        server.wait_for_log("\"ready\"");
        let api = strongroom_e2e::Api::new(&server.url(), org, key["api_key"].as_str().unwrap());
        if start == 0 {
            id = api.create("kept").await;
        }
        assert_eq!(api.secret(&id).await["api_key"], "kept");
    }
    let variables = vec![
        ("DATABASE_URL", app.as_str()),
        (
            "STRONGROOM_ROOT_KEY_PASSPHRASE",
            "correct horse canary7 staple",
        ),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ];
    let said = refusal(&[], &variables);
    assert!(!said.contains(CANARY), "{said}");
    assert!(said.contains("root key"), "{said}");
}

#[test]
fn renamed_settings_are_refused_with_the_new_name() {
    let folder = TempDir::new().unwrap();
    for (old, new) in [
        ("use_flush_interval", "last_used_flush_interval"),
        ("verify_interval", "scrub_interval"),
        ("blob_rules", "blob_validation"),
    ] {
        let said = refusal(&[&flag(old), "1s"], &[]);
        assert!(
            said.contains(&format!("{} is now named {}\n", flag(old), flag(new))),
            "{said}"
        );
        let variable = format!("STRONGROOM_{}", old.to_uppercase());
        let said = refusal(&[], &[(&variable, "1s")]);
        let named = format!("{old} (from variable {variable}): is now named {new}\n");
        assert!(said.contains(&named), "{said}");
        let file = folder.path().join("renamed.toml");
        std::fs::write(&file, format!("{old} = \"1s\"\n")).unwrap();
        let file = file.to_str().unwrap();
        let said = refusal(&["--config", file], &[]);
        assert!(
            said.contains(&format!("{file}: {old} is now named {new}\n")),
            "{said}"
        );
    }
}

fn flag(setting: &str) -> String {
    format!("--{}", setting.replace('_', "-"))
}

#[tokio::test]
async fn blob_validation_can_ask_for_any_object_only() {
    let vault = TestVault::start_with(&[("STRONGROOM_BLOB_VALIDATION", "object")]).await;
    let api = &vault.admin;
    for kind in ["api_key", "user_pass", "json_credentials"] {
        let body = |blob: Value| {
            let mut body = json!({"extcred_provider": "google", "extcred_type": kind});
            body["json_blob"] = blob;
            body
        };
        let id = api.create_from(&body(json!({"x": 1}))).await;
        let change = json!({"json_blob": {"y": null}});
        assert_eq!(api.patch(&id, &change).await.status(), 204);
        let failed = api.refused(body(json!({})).to_string()).await;
        assert_eq!(failed.fields(), ["json_blob"]);
    }
}
