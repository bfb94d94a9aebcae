//! No secret is in a dump, in a column, or in the log.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};
use strongroom_pgdev::Binaries;

/// Runs the `pg_dump` of the server's version.
fn dump(url: &str) -> String {
    let program = Binaries::find().unwrap().dir().join("pg_dump");
    let output = Command::new(program).arg(url).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_dump_and_the_log_hold_no_secret() {
    let vault = TestVault::start_with(&[("STRONGROOM_LOG_LEVEL", "trace")]).await;
    let (other, _) = vault.new_organization("other");
    other.create("canary-of-others").await;
    let mine = vault.admin.create("canary-of-mine").await;
    let api = &vault.admin;
    let change = json!({"extcred_label": "shown", "json_blob": {"api_key": "canary-changed"}});
    assert_eq!(api.patch(&mine, &change).await.status(), 204);
    assert_eq!(api.secret(&mine).await["api_key"], "canary-changed");
    let broken =
        r#"{"extcred_provider":"generic","extcred_type":"api_key","json_blob":{"api_key":"canary"#;
    let path = strongroom_e2e::CREDENTIALS;
    assert_eq!(
        api.send(reqwest::Method::POST, path, broken).await.status(),
        400
    );
    let oauth = oauth_secrets(api).await;
    let root_key = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let root_key = root_key.lines().last().unwrap().to_owned();
    let mut secrets = vec!["canary".to_owned(), root_key];
    let keys = [&api.key, &other.key, &vault.member.key];
    for key in keys.into_iter().chain(&oauth) {
        let (_, secret) = key.rsplit_once('_').unwrap();
        secrets.push(secret.to_owned());
    }
    let dumped = dump(&vault.database.superuser_url());
    assert!(
        dumped.contains("shown") && dumped.contains(&api.org),
        "an empty dump"
    );
    let log = vault.server.log();
    assert!(log.contains(&api.org), "an empty log");
    for secret in secrets {
        for text in [&dumped, &log] {
            assert!(!text.contains(&secret), "found as text: {secret}");
            let hex = hex(secret.as_bytes());
            assert!(!text.contains(&hex), "found in hexadecimal: {secret}");
        }
    }
}

/// The secret of a new client that was used, of one that was replaced, and a token that was used.
async fn oauth_secrets(api: &Api) -> [String; 3] {
    let path = strongroom_e2e::CREDENTIALS;
    let body = json!({"client_name": "n", "scopes": ["credentials:list"],
        "grant_types": ["client_credentials"]});
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let made = api.send(Method::POST, "/oauth2/clients", body.to_string());
    let made: Value = made.await.json().await.unwrap();
    let (id, first) = (
        text(&made["result"]["client_id"]),
        text(&made["result"]["client_secret"]),
    );
    let replace = format!("/oauth2/clients/{id}/secret");
    let replaced = api.request(Method::PUT, &replace).send().await.unwrap();
    let replaced: Value = replaced.json().await.unwrap();
    let secret = text(&replaced["result"]["client_secret"]);
    let asked = api.bare(Method::POST, "/oauth2/tokens");
    let asked = asked
        .basic_auth(&id, Some(&secret))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let token: Value = asked.send().await.unwrap().json().await.unwrap();
    let token = text(&token["access_token"]);
    let used = api.bare(Method::GET, path).bearer_auth(&token);
    let used = used.header("SlashID-OrgID", &api.org).send().await.unwrap();
    assert_eq!(used.status(), 200);
    [first, secret, token]
}

/// The key's 32 secret bytes, decoded from base32.
fn secret_bytes(key: &str) -> Vec<u8> {
    let (_, text) = key.rsplit_once('_').unwrap();
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for symbol in text.bytes() {
        let value = "abcdefghijklmnopqrstuvwxyz234567"
            .find(symbol as char)
            .unwrap();
        bits = (bits << 5 | u32::try_from(value).unwrap()) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes.truncate(32);
    bytes
}

#[tokio::test]
async fn an_api_key_is_not_in_the_database_in_any_form() {
    let vault = TestVault::start().await;
    let dumped = dump(&vault.database.superuser_url());
    for key in [&vault.admin.key, &vault.member.key] {
        let secret = secret_bytes(key);
        assert_eq!(secret.len(), 32);
        assert!(!dumped.contains(&hex(&secret)), "the key itself");
        assert!(!dumped.contains(&hex(key.as_bytes())), "the key's text");
    }
    let client = vault.database.connect().await;
    let columns = "select table_name::text, column_name::text, data_type::text \
         from information_schema.columns where table_schema = 'public' \
           and column_name in ('sealed_blob', 'wrapped_key', 'digest', 'check_value')";
    for row in client.query(columns, &[]).await.unwrap() {
        assert_eq!(row.get::<_, String>(2), "bytea", "{row:?}");
    }
}

/// A core dump would hold keys and secrets.
#[tokio::test]
async fn a_server_leaves_no_core_dump() {
    let vault = TestVault::start_with(&[]).await;
    let process = format!("/proc/{}", vault.server.pid());
    let limits = std::fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{limits}");
    // The kernel gives root what belongs to a process that cannot be dumped.
    let owner = std::fs::metadata(format!("{process}/mem")).unwrap().uid();
    assert_eq!(owner, 0);
}
