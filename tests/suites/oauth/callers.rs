//! Clients and tokens on the other routes.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, TestVault, api_key, failure};

use super::support::{Client, authorized, bearer, events, result, spoiled, status};

fn challenge(answer: &Response) -> &str {
    answer.headers()["www-authenticate"].to_str().unwrap()
}

/// Each scope, and the status of each route with it alone.
const MATRIX: [(&str, [u16; 5]); 5] = [
    ("credentials:list", [200, 403, 403, 403, 403]),
    ("credentials:reveal", [403, 200, 403, 403, 403]),
    ("credentials:write", [403, 403, 201, 403, 403]),
    ("credentials:delete", [403, 403, 403, 204, 403]),
    ("audit:read", [403, 403, 403, 403, 200]),
];

fn routes(id: &str) -> [(Method, String, String); 5] {
    let unknown = "0190a1b2-0000-7000-8000-0123456789ab";
    [
        (Method::GET, CREDENTIALS.into(), String::new()),
        (Method::GET, format!("{CREDENTIALS}/{id}"), String::new()),
        (Method::POST, CREDENTIALS.into(), api_key("k").to_string()),
        (
            Method::DELETE,
            format!("{CREDENTIALS}?credentialId={unknown}"),
            String::new(),
        ),
        (
            Method::GET,
            "/organizations/config/audit-events".into(),
            String::new(),
        ),
    ]
}

#[tokio::test]
async fn scopes_decide_by_token_and_by_basic() {
    let vault = TestVault::start().await;
    let id = vault.admin.create("secret").await;
    for (scope, expected) in MATRIX {
        let client = Client::create(&vault.admin, &[scope, "keys:manage"]).await;
        let token = client.token_with(&format!("&scope={scope}")).await;
        let whole = Client::create(&vault.admin, &[scope]).await;
        for ((method, path, body), expected) in routes(&id).into_iter().zip(expected) {
            let json = |request: RequestBuilder| match body.is_empty() {
                true => request,
                false => request
                    .header("Content-Type", "application/json")
                    .body(body.clone()),
            };
            let by_token = bearer(&vault.admin, method.clone(), &path, &token);
            let by_token = json(by_token).send().await.unwrap();
            assert_eq!(by_token.status(), expected, "{scope} {method} {path}");
            if expected == 403 {
                let said = challenge(&by_token);
                assert!(said.starts_with("Bearer error=\"insufficient_scope\", scope=\""));
                let denied = failure(by_token, 403).await;
                assert_eq!(denied.errors[0].1, "insufficient_scope");
            }
            let by_basic = json(whole.basic(method.clone(), &path));
            let by_basic = by_basic.send().await.unwrap();
            assert_eq!(by_basic.status(), expected, "{scope} {method} {path}");
        }
    }
}

const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";
const BASIC: &str = "Basic realm=\"strongroom\"";
const KEY: &str = "SlashID-API-Key realm=\"strongroom\"";

/// Requests by Basic and by several methods that are answered 401, each with the challenge.
fn refused(client: &Client, foreign: &Client, token: &str) -> Vec<(RequestBuilder, &'static str)> {
    let api = &client.api;
    let basic = |client: &Client| client.basic(Method::GET, CREDENTIALS);
    let bearer = bearer(api, Method::GET, CREDENTIALS, token);
    let keyed = |request: RequestBuilder| request.header("SlashID-API-Key", &api.key);
    let elsewhere = Client {
        api: api.clone(),
        ..foreign.clone()
    };
    let both = bearer.try_clone().unwrap();
    let digest = authorized(api, Method::GET, CREDENTIALS, "Digest username=\"x\"");
    vec![
        (basic(&client.with_secret(&foreign.secret)), BASIC),
        (basic(&client.with_secret("x")), BASIC),
        (basic(&elsewhere), BASIC),
        (keyed(bearer), KEY),
        (keyed(basic(client)), KEY),
        (both.header("Authorization", "Bearer x"), KEY),
        (digest, KEY),
    ]
}

#[tokio::test]
async fn whoever_is_no_caller_gets_one_answer() {
    let vault = TestVault::start().await;
    let (api, other) = (&vault.admin, vault.new_organization("other").0);
    let client = Client::create(api, &["credentials:list"]).await;
    let foreign = Client::create(&other, &["credentials:list"]).await;
    let (token, foreign_token) = (client.token().await, foreign.token().await);
    let wrong = spoiled(&token);
    let tokens = ["x", "", &wrong, &foreign_token, &api.key, &client.secret];
    let by_token = tokens.map(|token| {
        let request = bearer(api, Method::GET, CREDENTIALS, token);
        (request, INVALID_TOKEN)
    });
    let cases = by_token
        .into_iter()
        .chain(refused(&client, &foreign, &token));
    let keyless = api.bare(Method::GET, CREDENTIALS).send().await.unwrap();
    let body: Value = keyless.json().await.unwrap();
    for (at, (request, expected)) in cases.enumerate() {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "case {at}");
        assert_eq!(challenge(&answer), expected, "case {at}");
        assert_eq!(answer.json::<Value>().await.unwrap(), body, "case {at}");
    }
    assert_eq!(status(api, &token).await, 200);
    assert_eq!(client.status().await, 200);
}

#[tokio::test]
async fn the_pieces_surface_takes_no_authorization() {
    let vault = TestVault::start().await;
    let client = Client::create(&vault.admin, &["credentials:write"]).await;
    let path = "/external_provider/api_key/create";
    let body = json!({"user": "ann", "open_AI": {"api_key": "sk-1"}});
    let token = client.token().await;
    for request in [
        bearer(&vault.admin, Method::POST, path, &token),
        client.basic(Method::POST, path),
        bearer(&vault.admin, Method::POST, path, &token)
            .header("X-Application-ID", &vault.admin.key),
    ] {
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn uses_and_events_name_the_client_and_its_token() {
    let vault = TestVault::start_with(&[("STRONGROOM_LAST_USED_FLUSH_INTERVAL", "1s")]).await;
    let id = vault.admin.create("secret").await;
    let client = Client::create(&vault.admin, &["credentials:list", "credentials:reveal"]).await;
    let token = client.token().await;
    let path = format!("{CREDENTIALS}/{id}");
    let revealed = bearer(&vault.admin, Method::GET, &path, &token);
    assert_eq!(revealed.send().await.unwrap().status(), 200);
    let issued = events(&vault, "token.issue").await;
    assert_eq!(issued[0]["actor"], client.id.as_str());
    let reveal = &events(&vault, "credential.reveal").await[0];
    assert_eq!(reveal["actor"], client.id.as_str());
    assert_eq!(reveal["details"]["token_id"], issued[0]["key_id"]);
    let shown = async || result(vault.admin.get(&client.path()).await, 200).await;
    let limit = std::time::Duration::from_secs(10);
    strongroom_e2e::eventually("the use is stored", limit, async || {
        shown().await["last_used"].is_string()
            && vault.admin.list().await[0]["last_used_at"].is_string()
    })
    .await;
    let key_id = shown().await["key_id"].clone();
    assert_eq!(vault.admin.list().await[0]["last_used_by"], key_id);
}
