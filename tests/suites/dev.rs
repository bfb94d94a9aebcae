//! `strongroom dev`: everything on one machine, in one folder.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use strongroom_e2e::{Api, Server, eventually, run};
use tempfile::TempDir;

pub(crate) mod life;

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn dev(folder: &Path, more: &[&str]) -> Server {
    let data = folder.join("dev");
    let args = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ];
    Server::spawn(&[&args[..], more].concat(), &[])
}

pub(crate) fn instance(server: &Server) -> Value {
    serde_json::from_str(&server.first_line()).expect("the first line is not JSON")
}

pub(crate) fn text<'a>(instance: &'a Value, member: &str) -> &'a str {
    instance[member].as_str().unwrap()
}

pub(crate) fn api(instance: &Value, key: &str) -> Api {
    let [url, org, key] = ["url", "org_id", key].map(|member| text(instance, member));
    Api::new(url, org, key)
}

#[tokio::test]
async fn one_line_of_json_has_all_that_a_program_needs() {
    let folder = TempDir::new().unwrap();
    let mut server = dev(folder.path(), &["--json"]);
    let instance = instance(&server);
    let members: Vec<_> = instance
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "admin_api_key",
        "console_url",
        "database_url",
        "member_api_key",
        "org_id",
        "regions",
        "root_key_file",
        "url",
    ];
    assert_eq!(members, expected);
    assert_eq!(instance["regions"], serde_json::json!([]));
    let (admin, member) = (
        api(&instance, "admin_api_key"),
        api(&instance, "member_api_key"),
    );
    assert_eq!(admin.list().await.len(), 0, "the organization starts empty");
    let id = admin.create("canary").await;
    assert_eq!(member.list().await.len(), 1);
    assert_eq!(member.reveal(&id).await.status(), 403);
    other_commands_work(&instance);
    row_level_security_binds(&instance).await;
    let memory = std::fs::metadata(folder.path().join("dev/dev.json")).unwrap();
    assert_eq!(memory.permissions().mode() & 0o777, 0o600);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait(LIMIT), Some(0));
    let (first, rest) = server
        .stdout()
        .split_once('\n')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(first.starts_with('{'));
    let password = text(&instance, "database_url")
        .split(['/', ':', '@'])
        .nth(4)
        .unwrap();
    let said = rest + &server.log();
    for secret in [&*admin.key, &*member.key, password, "canary"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

fn other_commands_work(instance: &Value) {
    let variables = [
        ("STRONGROOM_DATABASE_URL", text(instance, "database_url")),
        ("STRONGROOM_ROOT_KEY_FILE", text(instance, "root_key_file")),
    ];
    let org = text(instance, "org_id");
    let orgs = run(&["org", "list", "--json"], &variables).json();
    assert_eq!(orgs[0]["org_id"], org);
    let keys = run(&["key", "list", "--org", org, "--json"], &variables).json();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    let args = [
        "key", "create", "--org", org, "--role", "member", "--name", "third", "--json",
    ];
    assert!(run(&args, &variables).json()["api_key"].is_string());
    assert!(run(&["migrate"], &variables[..1]).success);
}

async fn row_level_security_binds(instance: &Value) {
    let url = text(instance, "database_url");
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let rows = client.query("select from credentials", &[]).await.unwrap();
    assert_eq!(rows.len(), 1, "the superuser sees every row");
    let serving = "select distinct usename::text, usesuper or usebypassrls as free \
         from pg_stat_activity join pg_user using (usename) where application_name = 'strongroom'";
    let rows = client.query(serving, &[]).await.unwrap();
    assert!(!rows.is_empty(), "the server has no connection");
    for row in rows {
        assert!(
            !row.get::<_, bool>(1),
            "the server connects as {}",
            row.get::<_, String>(0)
        );
    }
}

#[tokio::test]
async fn the_lines_for_people_work_when_pasted() {
    let folder = TempDir::new().unwrap();
    let server = dev(folder.path(), &[]);
    let _ = server.first_line();
    eventually("the greeting is complete", LIMIT, async || {
        server.stdout().contains("Ctrl-C")
    })
    .await;
    let greeting = server.stdout();
    let lines: Vec<_> = greeting
        .lines()
        .filter(|line| line.contains("curl "))
        .collect();
    assert_eq!(lines.len(), 3, "{greeting}");
    for shell in ["bash", "sh"] {
        let output = Command::new(shell)
            .arg("-c")
            .arg(lines.join("\n"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<Value> = said
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), 3, "{said}");
        let id = &answers[0]["result"][0];
        let listed = answers[1]["result"].as_array().unwrap();
        assert!(
            listed.iter().any(|item| item["external_cred_id"] == *id),
            "{said}"
        );
        assert_eq!(answers[2]["result"]["external_cred_id"], *id, "{said}");
        assert!(answers[2]["result"]["json_blob"].is_object(), "{said}");
    }
}

#[tokio::test]
async fn a_folder_has_one_instance() {
    let folder = TempDir::new().unwrap();
    let server = dev(folder.path(), &["--json"]);
    let admin = api(&instance(&server), "admin_api_key");
    let data = folder.path().join("dev");
    let second = run(
        &[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--data",
            data.to_str().unwrap(),
        ],
        &[],
    );
    assert!(!second.success);
    assert!(
        second.stderr.contains("another") && second.stderr.contains("--data"),
        "{}",
        second.stderr
    );
    assert_eq!(
        admin.list().await.len(),
        0,
        "the first instance is affected"
    );
    // `dev` has no rate limits.
    let answer = admin.get(strongroom_e2e::CREDENTIALS).await;
    assert!(answer.headers().get("ratelimit-policy").is_none());
}

#[test]
fn addresses_that_others_reach_must_be_asked_for() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("dev");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = run(
            &["dev", "--listen", address, "--data", data.to_str().unwrap()],
            &[],
        );
        assert!(!refused.success);
        assert!(
            refused.stderr.contains("--allow-remote"),
            "{}",
            refused.stderr
        );
    }
    assert!(!data.exists(), "refused, but a folder was created");
}
