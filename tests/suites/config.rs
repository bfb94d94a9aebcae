//! Configuration: where it comes from, what is wrong with it, and what is never printed.

use strongroom_e2e::{Database, Server, TestVault, refusal, run};
use tempfile::TempDir;

/// Stands in every secret value; no error may show it.
const CANARY: &str = "canary7";

type Variables<'a> = Vec<(&'a str, &'a str)>;

#[test]
fn errors_name_setting_problem_and_origin_and_no_secret() {
    let folder = TempDir::new().unwrap();
    let toml = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let unknown = toml(
        "unknown.toml",
        "listen = \"127.0.0.1:0\"\ndatabase = \"canary7\"\n",
    );
    let broken = toml(
        "broken.toml",
        "listen = \"127.0.0.1:0\"\nroot_key = \"canary7\n",
    );
    let typed = toml("typed.toml", "root_key = { a = \"canary7\" }\n");
    let size = toml(
        "size.toml",
        "pool_size = 0\ndatabase_url = \"postgresql://u:canary7@h/d\"\n",
    );
    let url = ("DATABASE_URL", "postgresql://u:canary7@127.0.0.1:1/d");
    let root_key = ("STRONGROOM_ROOT_KEY", "canary7");
    let cases: Vec<(Vec<&str>, Variables<'_>, [&str; 2])> = vec![
        (vec![], vec![], ["database_url", "DATABASE_URL"]),
        (vec![], vec![url], ["root_key", "STRONGROOM_ROOT_KEY_FILE"]),
        (
            vec![],
            vec![url, root_key],
            ["root_key", "variable STRONGROOM_ROOT_KEY"],
        ),
        (
            vec![],
            vec![("DATABASE_URL", "mysql://canary7")],
            ["database_url", "variable DATABASE_URL"],
        ),
        (
            vec![],
            vec![("STRONGROOM_DATABASE_URL", "canary7")],
            ["database_url", "variable STRONGROOM_DATABASE_URL"],
        ),
        (
            vec!["--database-url", "canary7"],
            vec![],
            ["database_url", "flag --database-url"],
        ),
        (
            vec![],
            vec![("DATABASE_URL", "postgresql://u:canary7@h/d?sslmode=maybe")],
            ["database_url", "sslmode"],
        ),
        (
            vec![],
            vec![url, ("STRONGROOM_ROOT_KEY_PASSPHRASE", "canary7")],
            ["root_key_passphrase", "16 characters"],
        ),
        (
            vec![],
            vec![url, ("STRONGROOM_LISTEN", "everywhere")],
            ["listen", "variable STRONGROOM_LISTEN"],
        ),
        (
            vec!["--blob-validation", "none"],
            vec![url],
            ["blob_validation", "flag --blob-validation"],
        ),
        (
            vec!["--request-timeout", "0"],
            vec![url, ("STRONGROOM_ROOT_KEY", "x")],
            ["request_timeout", "flag --request-timeout"],
        ),
        (vec!["--config", &unknown], vec![], ["database", &unknown]),
        (vec!["--config", &broken], vec![], ["line 2", &broken]),
        (vec!["--config", &typed], vec![], ["root_key", &typed]),
        (
            vec![],
            vec![("STRONGROOM_CONFIG", &size)],
            ["pool_size", &size],
        ),
        (
            vec!["--config", "/nowhere/x.toml"],
            vec![],
            ["/nowhere/x.toml", "No such file"],
        ),
    ];
    for (args, variables, named) in cases {
        let said = refusal(&args, &variables);
        assert!(!said.contains(CANARY), "{said}");
        for name in named {
            assert!(
                said.contains(name),
                "{args:?} {variables:?}: no {name:?} in {said}"
            );
        }
    }
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
async fn flags_beat_variables_beat_the_file() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("strongroom.toml");
    let text = format!(
        "database_url = \"{}\"\nroot_key_file = \"{}\"\nlisten = \"127.0.0.1:0\"\nlog_level = \"debug\"\nworkers = 1\n",
        vault.database.app_url(),
        vault.root_key_file()
    );
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    // The file alone is enough, and stands above DATABASE_URL, which whole platforms set.
    let server = Server::spawn(
        &["serve", "--config", file],
        &[("DATABASE_URL", "postgresql://u@127.0.0.1:1/d")],
    );
    vault.ready(&server.url()).await;
    // A wrong value in a weaker place is not even looked at.
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
