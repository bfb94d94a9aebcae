//! The token endpoint.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::TestVault;

use super::support::{Client, TOKENS, events, status};

async fn refused(answer: Response, status: u16, error: &str) -> Value {
    let found = answer.status().as_u16();
    let challenge = answer.headers().get("www-authenticate").cloned();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(found, status, "{body}");
    assert_eq!(body["error"], error, "{body}");
    assert!(body["error_description"].is_string());
    assert_eq!(body["errors"][0]["httpcode"], status);
    assert_eq!(body["meta"], json!({}));
    let expected = (status == 401).then_some("Basic realm=\"strongroom\"");
    assert_eq!(
        challenge.as_ref().map(|value| value.to_str().unwrap()),
        expected
    );
    body
}

#[tokio::test]
async fn a_token_is_flat_and_has_the_scopes_that_were_asked_for() {
    let vault = TestVault::start().await;
    let mut body = super::support::new_client(&["credentials:list", "audit:read"]);
    body["access_token_duration"] = 600.into();
    let client = Client::create_from(&vault.admin, &body).await;
    let scopes = [
        ("", "credentials:list audit:read"),
        ("&scope=", "credentials:list audit:read"),
        ("&scope=audit%3Aread", "audit:read"),
        (
            "&scope=audit:read+credentials:list",
            "credentials:list audit:read",
        ),
        ("&unknown=ignored", "credentials:list audit:read"),
    ];
    for (more, expected) in scopes {
        let answer = client.ask(more).await;
        assert_eq!(answer.status(), 200, "{more}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let mut token: Value = answer.json().await.unwrap();
        let text = token["access_token"].take();
        assert!(text.as_str().unwrap().starts_with("srt_"));
        let rest = json!({"access_token": null, "token_type": "bearer", "expires_in": 600,
            "scope": expected});
        assert_eq!(token, rest, "{more}");
    }
    let issued = events(&vault, "token.issue").await;
    assert_eq!(issued.len(), scopes.len());
    assert_eq!(
        issued[0]["details"]["scopes"],
        json!(["credentials:list", "audit:read"])
    );
}

#[tokio::test]
async fn errors_are_those_of_the_rfc_beside_ours() {
    let vault = TestVault::start().await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let form = async |form: &str| client.form(TOKENS, form).await;
    let id = format!("&client_id={}", client.id);
    let grant = "grant_type=client_credentials";
    for (body, error) in [
        (String::new(), "invalid_request"),
        ("grant_type=".into(), "invalid_request"),
        (format!("{grant}&{grant}"), "invalid_request"),
        ("grant_type=password".into(), "unsupported_grant_type"),
        ("grant_type=refresh_token".into(), "unsupported_grant_type"),
        (format!("{grant}&scope=all"), "invalid_scope"),
        (format!("{grant}&scope=audit:read"), "invalid_scope"),
        (format!("{grant}&scope=system:read"), "invalid_scope"),
        (format!("{grant}&client_secret=x"), "invalid_request"),
        (format!("{grant}&client_id=x"), "invalid_request"),
    ] {
        refused(form(&body).await, 400, error).await;
    }
    assert_eq!(form(&format!("{grant}{id}")).await.status(), 200);
    refused(client.with_secret("x").ask("").await, 401, "invalid_client").await;
    let post = || vault.admin.bare(Method::POST, TOKENS);
    let secret = format!("{grant}{id}&client_secret={}", client.secret);
    let kind = "application/x-www-form-urlencoded";
    let posted = post().header("Content-Type", kind).body(secret);
    refused(posted.send().await.unwrap(), 401, "invalid_client").await;
    let token = client.token().await;
    let by_token = post().bearer_auth(&token).header("Content-Type", kind);
    refused(
        by_token.body(grant).send().await.unwrap(),
        401,
        "invalid_client",
    )
    .await;
    let both = client.basic(Method::POST, TOKENS);
    let both = both.header("SlashID-API-Key", &vault.admin.key);
    refused(both.send().await.unwrap(), 401, "invalid_client").await;
    let json = client.basic(Method::POST, TOKENS).json(&json!({}));
    refused(json.send().await.unwrap(), 400, "invalid_request").await;
    refused(form(&"x".repeat(70_000)).await, 413, "invalid_request").await;
}

#[tokio::test]
async fn endpoints_about_persons_do_not_exist() {
    let vault = TestVault::start().await;
    for path in ["authorize", "userinfo", "tokens/mint", "tokens/revoke-all"] {
        for method in [Method::GET, Method::POST] {
            let path = format!("/oauth2/{path}");
            let answer = vault.admin.request(method, &path).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_obtains_so_many_tokens() {
    let few = [
        ("STRONGROOM_TOKEN_RATE", "1/h"),
        ("STRONGROOM_TOKEN_BURST", "2"),
    ];
    let vault = TestVault::start_with(&few).await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let other = Client::create(&vault.admin, &["credentials:list"]).await;
    // A request that is refused otherwise does not count.
    refused(client.ask("&scope=all").await, 400, "invalid_scope").await;
    let tokens = [client.token().await, client.token().await];
    let answer = client.ask("").await;
    let retry: u32 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=3600).contains(&retry), "{retry}");
    let body = refused(answer, 429, "temporarily_unavailable").await;
    assert_eq!(body["errors"][0]["code"], "rate_limited");
    assert_eq!(other.ask("").await.status(), 200);
    for token in tokens {
        assert_eq!(status(&vault.admin, &token).await, 200);
    }
    let refused = "strongroom_rate_limited_total{limit=\"token\"}";
    assert_eq!(vault.admin.metric(refused).await, Some(1.0));
}

#[tokio::test]
async fn a_blocked_address_still_uses_genuine_tokens() {
    let few = [
        ("STRONGROOM_FAILED_AUTH_RATE", "1/h"),
        ("STRONGROOM_FAILED_AUTH_BURST", "2"),
    ];
    let vault = TestVault::start_with(&few).await;
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let token = client.token().await;
    for expected in [401, 401, 429] {
        assert_eq!(status(&vault.admin, "x").await, expected);
    }
    assert_eq!(client.with_secret("x").ask("").await.status(), 429);
    assert_eq!(status(&vault.admin, &token).await, 200);
    assert_eq!(client.ask("").await.status(), 200);
}
