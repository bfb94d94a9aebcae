//! The Pieces surface, used by its unmodified published clients.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use strongroom_e2e::{Server, TestVault};

const UNAUTHORIZED: &str = "Invalid Authentication, Incorrect API key provided or organization";

/// A published client: the interpreter, the driver, and the client's main file.
struct Client {
    program: PathBuf,
    driver: &'static str,
    package: PathBuf,
}

fn clients() -> [Client; 3] {
    let folder = strongroom_e2e::clients();
    let python = |version: &str, driver| Client {
        program: folder.join(format!("python-{version}/venv/bin/python")),
        driver,
        package: PathBuf::new(),
    };
    [
        python("5.0.1", "python_5.py"),
        python("3.2.1", "python_3.py"),
        Client {
            program: PathBuf::from("node"),
            driver: "node_4.cjs",
            package: folder.join("node-4.1.0/node_modules/@pieces.app/pieces-os-client"),
        },
    ]
}

impl Client {
    /// Executes `steps`; returns each answer as (status, body).
    fn run(&self, url: &str, key: Option<&str>, steps: &[Value]) -> Vec<(u64, Value)> {
        let driver = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("clients")
            .join(self.driver);
        let mut child = Command::new(&self.program)
            .arg(driver)
            .arg(url)
            .args(key)
            .env("PIECES_CLIENT", &self.package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        for step in steps {
            writeln!(input, "{step}").unwrap();
        }
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{} failed", self.driver);
        let answers: Vec<_> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let answer: Value = serde_json::from_str(line).unwrap();
                (answer["status"].as_u64().unwrap(), answer["body"].clone())
            })
            .collect();
        assert_eq!(answers.len(), steps.len(), "{}", self.driver);
        answers
    }
}

fn step(operation: &str, body: Value) -> Value {
    json!({"operation": operation, "body": body})
}

/// The steps of a user's key from its creation to its deletion.
fn life(user: &str) -> Vec<Value> {
    let schema = json!({"migration": 0, "semantic": "MAJOR_0_MINOR_0_PATCH_1"});
    let first = json!({"api_key": "k1", "api_key_name": "n1"});
    vec![
        step(
            "create",
            json!({"user": user, "schema": schema, "open_AI": first}),
        ),
        step(
            "update",
            json!({"user": user, "open_AI": {"api_key": "k2", "organization_key": "o2"}}),
        ),
        step(
            "update",
            json!({"user": user, "open_AI": {"api_key_name": "n3"}}),
        ),
        step("delete", json!({"user": user, "open_AI": false})),
        step("delete", json!({"user": user, "open_AI": true})),
        step("delete", json!({"user": user, "open_AI": true})),
        step(
            "update",
            json!({"user": user, "open_AI": {"api_key": "k4"}}),
        ),
        step(
            "update",
            json!({"user": "unknown", "open_AI": {"api_key_name": "n"}}),
        ),
        json!({"operation": "create"}),
    ]
}

/// The `open_AI` of the answers to the steps of [`life`], without the last two, which are refused.
fn expected(anonymous: bool) -> Vec<Value> {
    let kept = if anonymous {
        json!({"api_key_name": "n3", "organization_key": "o2"})
    } else {
        json!({"api_key": "k2", "api_key_name": "n3", "organization_key": "o2"})
    };
    vec![
        json!({"api_key": "k1", "api_key_name": "n1"}),
        json!({"api_key": "k2", "api_key_name": "n1", "organization_key": "o2"}),
        kept.clone(),
        kept,
        Value::Null,
        Value::Null,
        json!({"api_key": "k4"}),
    ]
}

fn check_life(client: &Client, url: &str, key: Option<&str>) {
    let user = format!("user of {}", client.driver);
    let answers = client.run(url, key, &life(&user));
    let expected = expected(key.is_none());
    for (at, (open_ai, (status, body))) in expected.iter().zip(&answers).enumerate() {
        assert_eq!(*status, 200, "{} step {at}: {body}", client.driver);
        assert_eq!(body["metadata"]["global_id"], user);
        assert_eq!(
            body["metadata"]["open_AI"], *open_ai,
            "{} step {at}",
            client.driver
        );
    }
    assert_eq!(
        answers[0].1["schema"]["semantic"],
        "MAJOR_0_MINOR_0_PATCH_1"
    );
    for (status, body) in &answers[expected.len()..] {
        assert_eq!(*status, 400, "{}: {body}", client.driver);
    }
    let refused = answers[7].1.as_str().unwrap();
    assert!(refused.contains("open_AI.api_key"), "{refused}");
}

#[tokio::test]
async fn with_an_api_key_all_three_clients_work() {
    let vault = TestVault::start().await;
    for client in clients() {
        check_life(&client, &vault.admin.url, Some(&vault.admin.key));
    }
    // Each client leaves one key, which is listed as a credential.
    let listed = vault.admin.list().await;
    let labels: Vec<_> = listed
        .iter()
        .map(|row| row["extcred_label"].as_str().unwrap())
        .collect();
    assert_eq!(labels.len(), 3);
    assert!(
        labels
            .iter()
            .all(|label| label.starts_with("pieces/user of ")),
        "{labels:?}"
    );
}

#[tokio::test]
async fn without_a_key_or_with_a_wrong_one_serve_refuses_them() {
    let vault = TestVault::start().await;
    let body = json!({"user": "u", "open_AI": {"api_key": "k"}});
    let steps = ["create", "update"].map(|operation| step(operation, body.clone()));
    for client in clients() {
        for key in [None, Some("nonsense"), Some("sr_admin_a_a")] {
            for (status, text) in client.run(&vault.admin.url, key, &steps) {
                assert_eq!(
                    (status, text.as_str()),
                    (401, Some(UNAUTHORIZED)),
                    "{}",
                    client.driver
                );
            }
        }
    }
    assert!(vault.admin.list().await.is_empty());
}

#[tokio::test]
async fn without_a_key_the_documents_examples_work_on_a_development_instance() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let args = [
        "dev",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ];
    let server = Server::spawn(&args, &[]);
    let instance: Value = serde_json::from_str(&server.first_line()).unwrap();
    for client in clients() {
        check_life(&client, instance["url"].as_str().unwrap(), None);
    }
}
