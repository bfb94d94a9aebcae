//! The OpenAPI document: it matches the service, and is served.

mod paths;
mod strict;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::{Api, TestVault, clients, failure, refusal, run};

use self::paths::operations;

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/schemathesis");
/// The permission of a member.
const MEMBER: &str = "credentials:list";
const ID: &str = "0190a1b2-0000-7000-8000-0123456789ab";

fn printed() -> String {
    run(&["openapi"], &[]).stdout
}

#[test]
fn the_document_that_is_checked_in_is_what_the_code_says() {
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        checked_in == printed(),
        "docs/openapi.json differs from the code; regenerate it and review the changes:\n\n    \
         cargo run --package strongroom -- openapi > docs/openapi.json\n"
    );
}

/// All operations of the document are served.
const RELAY: (&str, &str) = ("STRONGROOM_RELAY", "true");

#[tokio::test]
async fn the_document_and_its_page_are_served_and_load_nothing_from_elsewhere() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let get = async |path: &str| {
        let answer = vault.admin.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let policy = answer.headers().get("content-security-policy").cloned();
        (kind, policy, answer.bytes().await.unwrap())
    };
    let (kind, _, document) = get("/openapi.json").await;
    assert_eq!(kind, "application/json");
    assert!(printed().trim_end().as_bytes() == document);
    for path in ["/docs", "/docs/"] {
        let (kind, policy, page) = get(path).await;
        assert_eq!(kind, "text/html; charset=utf-8");
        let policy = policy.unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
        let page = String::from_utf8(page.to_vec()).unwrap();
        let linked: Vec<_> = linked(&page).collect();
        assert_eq!(linked.len(), 4, "{linked:?}");
        for file in linked {
            let folder = path.rsplit_once('/').unwrap().0;
            let (kind, _, content) = get(&format!("{folder}/{file}")).await;
            let expected = match file.rsplit_once('.').unwrap().1 {
                "js" => "text/javascript",
                "css" => "text/css",
                _ => "image/png",
            };
            assert_eq!(kind, expected, "{file}");
            assert!(!content.is_empty());
        }
    }
}

/// The files that a page loads.
fn linked(page: &str) -> impl Iterator<Item = &str> {
    let links = ["href=\"", "src=\""].map(|name| page.split(name).skip(1));
    links
        .into_iter()
        .flatten()
        .filter_map(|rest| Some(rest.split_once('"')?.0))
}

#[tokio::test]
async fn the_document_and_its_page_can_be_switched_off() {
    let vault = TestVault::start_with(&[("STRONGROOM_DOCS", "false")]).await;
    for path in ["/openapi.json", "/docs", "/docs/start.js"] {
        let answer = vault.admin.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(
            failure(answer, 404).await.errors[0].1,
            "unknown_path",
            "{path}"
        );
    }
    let wrong = refusal(&["--docs", "perhaps"], &[]);
    assert!(wrong.contains("docs"), "{wrong}");
    assert_eq!(vault.admin.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn what_is_described_is_served_and_any_other_method_is_answered_405() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let document: Value = serde_json::from_str(&printed()).unwrap();
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
    ];
    for (path, described) in operations(&document) {
        for name in methods {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let answer = vault.admin.bare(method, &path).send().await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let text = answer.text().await.unwrap();
            assert!(
                status != 404 || !text.contains("unknown_path"),
                "{name} {path}"
            );
            assert_eq!(
                status == 405,
                !described.contains_key(name),
                "{name} {path}"
            );
            if status == 405 {
                let mut allow: Vec<_> = headers["allow"].to_str().unwrap().split(", ").collect();
                allow.sort_unstable();
                assert!(allow.iter().eq(described.keys()), "{path}: {allow:?}");
            }
        }
    }
}

// Every annotated handler is registered, and routes are registered in one place only.
#[test]
fn what_is_served_is_described() {
    let (mut annotations, mut elsewhere) = (0, Vec::new());
    visit(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/api/src")),
        &mut |file, text| {
            annotations += text.matches("#[utoipa::path(").count();
            let registers = [".route(", ".service(", "web::resource("]
                .iter()
                .any(|call| text.contains(call));
            if registers && !file.ends_with("routes/registry.rs") {
                elsewhere.push(file.to_owned());
            }
        },
    );
    assert!(
        elsewhere.is_empty(),
        "routes outside of the registry: {elsewhere:?}"
    );
    let document: Value = serde_json::from_str(&printed()).unwrap();
    // A handler of several methods has one annotation.
    let name = |operation: &Value| {
        let id = operation["operationId"].as_str().unwrap();
        id.split('_').next().unwrap().to_owned()
    };
    let operations = operations(&document);
    let described: BTreeSet<_> = operations
        .values()
        .flat_map(BTreeMap::values)
        .map(name)
        .collect();
    assert_eq!(
        described.len(),
        annotations,
        "a handler is annotated, but not in routes/mod.rs"
    );
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else {
            each(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[tokio::test]
async fn roles_are_what_the_document_says() {
    let vault = TestVault::start_with(&[RELAY]).await;
    let document: Value = serde_json::from_str(&printed()).unwrap();
    for (path, described) in operations(&document) {
        for (name, operation) in described {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let path = format!("{path}?unknown=1");
            let status = async |caller: &Api| {
                let answer = caller.request(method.clone(), &path).send().await.unwrap();
                answer.status().as_u16()
            };
            let required = operation["security"].as_array();
            let scopes = |all: &Vec<Value>| {
                let mut scopes = all
                    .iter()
                    .filter_map(|one| one["SlashID-API-Key"].as_array());
                scopes.next().cloned()
            };
            // `None` where an API key does not count.
            let scopes = required.map_or(Some(Vec::new()), scopes);
            for (caller, held) in [(&vault.admin, None), (&vault.member, Some(MEMBER))] {
                let expected = match &scopes {
                    None => 401,
                    Some(scopes) => {
                        let lacks = |scope: &Value| held.is_some_and(|held| scope != held);
                        if scopes.iter().any(lacks) { 403 } else { 0 }
                    }
                };
                let found = status(caller).await;
                let found = [401, 403]
                    .into_iter()
                    .find(|one| *one == found)
                    .unwrap_or(0);
                assert_eq!(found, expected, "{name} {path}");
            }
            let anonymous = vault
                .admin
                .bare(method.clone(), &path)
                .send()
                .await
                .unwrap();
            assert_eq!(
                anonymous.status() == 401,
                required.is_some(),
                "{name} {path}"
            );
        }
    }
}

/// The id and secret of a new client. No request of another organization ends it.
async fn oauth_client(api: &Api) -> (String, String) {
    let body = r#"{"client_name":"n","scopes":["credentials:list"],
        "grant_types":["client_credentials"]}"#;
    let made = api.send(Method::POST, "/oauth2/clients", body).await;
    let made: Value = made.json().await.unwrap();
    let member = |name: &str| made["result"][name].as_str().unwrap().to_owned();
    (member("client_id"), member("client_secret"))
}

#[tokio::test]
#[allow(
    clippy::print_stdout,
    reason = "reports the tried cases with --nocapture"
)]
async fn schemathesis_finds_no_difference_between_document_and_service() {
    let mut vault = TestVault::start().await;
    let org = vault.admin.org.clone();
    // Schemathesis sends thousands of requests without a key from one address, and expects 401.
    let off = ("STRONGROOM_FAILED_AUTH_RATE", "off");
    vault
        .replace_server(&[
            ("STRONGROOM_ANONYMOUS_ORG", &org),
            off,
            ("STRONGROOM_TOKEN_RATE", "off"),
        ])
        .await;
    let (client, secret) = oauth_client(&vault.new_organization("other").0).await;
    let mut document: Value = vault.admin.get("/openapi.json").await.json().await.unwrap();
    strict::make(&mut document);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("openapi.json"), document.to_string()).unwrap();
    std::fs::copy(Path::new(CLIENT).join("hooks.py"), path("hooks.py")).unwrap();
    let settings = std::fs::read_to_string(Path::new(CLIENT).join("schemathesis.toml")).unwrap();
    std::fs::write(
        path("schemathesis.toml"),
        settings.replace("ORGANIZATION", &org),
    )
    .unwrap();
    let more = std::env::var_os("SCHEMATHESIS_ARGS").unwrap_or_default();
    let output = Command::new(clients().join("schemathesis-4.32.5/venv/bin/python"))
        .args([
            "-m",
            "schemathesis.cli",
            "--no-color",
            "run",
            "openapi.json",
            "--checks",
            "all",
        ])
        .args(["--url", &vault.admin.url])
        .args(more.to_str().unwrap().split_whitespace())
        .env("STRONGROOM_KEY", &vault.admin.key)
        .env("STRONGROOM_CLIENT_ID", &client)
        .env("STRONGROOM_CLIENT_SECRET", &secret)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");
}
