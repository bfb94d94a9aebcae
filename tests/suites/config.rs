//! Configuration: where it comes from, what is refused, and what is never printed.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use strongroom_e2e::{Database, Server, TestVault, run};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(15);
/// Stands in every secret value; no error may show it.
const CANARY: &str = "canary7";

type Variables<'a> = Vec<(&'a str, &'a str)>;

/// Starts a server that must refuse; what it says.
fn refusal(args: &[&str], variables: &Variables<'_>) -> String {
    let mut server = Server::spawn(&[&["serve"], args].concat(), variables);
    let code = server.wait(LIMIT);
    assert!(
        code.is_some_and(|code| code != 0),
        "{code:?}: {}",
        server.log()
    );
    server.wait_for_log("error: ");
    let said = format!("{}{}", server.log(), server.stdout());
    assert!(!said.contains(CANARY), "{said}");
    said
}

#[tokio::test]
async fn roles_that_row_level_security_does_not_bind_are_refused() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    client
        .batch_execute(
            "create role refused_owner login password 'p'; alter table credentials owner to refused_owner; \
             create role refused_heir login password 'p' noinherit in role refused_owner; \
             create role refused_bypass login bypassrls password 'p'; \
             create role refused_super login superuser password 'p'",
        )
        .await
        .unwrap();
    let root_key = vault.root_key_file();
    let cases = [
        ("refused_owner", "owns tables"),
        ("refused_heir", "owner"),
        ("refused_bypass", "BYPASSRLS"),
        ("refused_super", "superuser"),
    ];
    for (role, why) in cases {
        let url = vault.database.url_as(role, "p");
        client
            .batch_execute(&format!(
                "grant select on all tables in schema public to {role}"
            ))
            .await
            .unwrap();
        let said = refusal(
            &[],
            &vec![
                ("STRONGROOM_DATABASE_URL", &url),
                ("STRONGROOM_ROOT_KEY_FILE", &root_key),
                ("STRONGROOM_LISTEN", "127.0.0.1:0"),
            ],
        );
        assert!(said.contains(role) && said.contains(why), "{said}");
        assert!(said.contains("strongroom migrate --app-role"), "{said}");
    }
}

#[tokio::test]
async fn a_table_without_row_level_security_is_refused() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    for off in ["disable", "no force"] {
        client
            .batch_execute(&format!("alter table api_keys {off} row level security"))
            .await
            .unwrap();
        let said = refusal(
            &[],
            &vec![
                ("STRONGROOM_DATABASE_URL", &url),
                ("STRONGROOM_ROOT_KEY_FILE", &root_key),
                ("STRONGROOM_LISTEN", "127.0.0.1:0"),
            ],
        );
        assert!(said.contains("api_keys"), "{said}");
        let on = "alter table api_keys enable row level security; alter table api_keys force row level security";
        client.batch_execute(on).await.unwrap();
    }
}

#[tokio::test]
async fn another_root_key_is_refused_by_its_id() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.key");
    let other = other.to_str().unwrap();
    assert!(run(&["root-key", "new", other], &[]).success);
    let own = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let own_id = own
        .lines()
        .last()
        .unwrap()
        .split(':')
        .nth(1)
        .unwrap()
        .to_owned();
    let url = vault.database.app_url();
    let with = |file: &'static str| ("STRONGROOM_LISTEN", file);
    let variables: Variables<'_> = vec![
        ("STRONGROOM_DATABASE_URL", &url),
        ("STRONGROOM_ROOT_KEY_FILE", other),
        with("127.0.0.1:0"),
    ];
    let said = refusal(&[], &variables);
    assert!(
        said.contains(&own_id),
        "the missing key is not named: {said}"
    );
    let listed = run(&["org", "list"], &variables[..2]);
    assert!(
        !listed.success && listed.stderr.contains(&own_id),
        "{}",
        listed.stderr
    );

    // The right id with other bytes behind it.
    let client = vault.database.connect().await;
    let spoil = "update root_keys set check_value = set_byte(check_value, 20, get_byte(check_value, 20) # 1)";
    client.execute(spoil, &[]).await.unwrap();
    let file = vault.root_key_file();
    let said = refusal(
        &[],
        &vec![
            variables[0],
            ("STRONGROOM_ROOT_KEY_FILE", &file),
            variables[2],
        ],
    );
    assert!(said.contains(&own_id), "{said}");
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("root.key");
    let key = key.to_str().unwrap();
    assert!(run(&["root-key", "new", key], &[]).success);
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        !run(&["root-key", "new", key], &[]).success,
        "a root key was overwritten"
    );
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let url = ("DATABASE_URL", "postgresql://u@127.0.0.1:1/d");
    for (name, flag) in [
        ("ROOT_KEY_FILE", "root-key-file"),
        ("ROOT_KEY_PASSPHRASE_FILE", "root-key-passphrase-file"),
    ] {
        let variable = format!("STRONGROOM_{name}");
        let said = refusal(&[], &vec![url, (&variable, key)]);
        assert!(
            said.contains(&variable) && said.contains("chmod 600"),
            "{said}"
        );
        let said = refusal(&[&format!("--{flag}"), key], &vec![url]);
        assert!(
            said.contains(&format!("--{flag}")) && said.contains(key),
            "{said}"
        );
    }
}

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
            vec!["--blob-rules", "none"],
            vec![url],
            ["blob_rules", "flag --blob-rules"],
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
        for name in named {
            assert!(
                said.contains(name),
                "{args:?} {variables:?}: no {name:?} in {said}"
            );
        }
    }
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
    assert!(said.contains("root key"), "{said}");
}
