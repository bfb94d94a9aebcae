//! Introspection and revocation.

use serde_json::{Value, json};
use strongroom_e2e::TestVault;

use super::support::{Client, events, spoiled, status};

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn introspection_shows_tokens_of_the_organization() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let client = Client::create(&vault.admin, &["credentials:list", "audit:read"]).await;
    let sibling = Client::create(&vault.admin, &["credentials:list"]).await;
    let stranger = Client::create(&other, &["credentials:list"]).await;
    let token = client.token().await;
    for asking in [&client, &sibling] {
        let shown = asking
            .introspect(&token, "&token_type_hint=access_token")
            .await;
        let (exp, iat) = (
            shown["exp"].as_i64().unwrap(),
            shown["iat"].as_i64().unwrap(),
        );
        assert_eq!(exp - iat, 86400);
        let expected = json!({"active": true, "client_id": client.id, "exp": exp, "iat": iat,
            "scope": "credentials:list audit:read", "sub": vault.admin.org});
        assert_eq!(shown, expected);
    }
    let with = async |scope: &str| {
        let shown = client.introspect(&token, &format!("&scope={scope}")).await;
        shown["active"].as_bool().unwrap()
    };
    assert!(with("audit:read").await && with("audit:read+credentials:list").await);
    assert!(!with("keys:manage").await && !with("audit:read+keys:manage").await);
    assert!(!with("unknown").await);
    assert_eq!(
        client.introspect(&token, "&scope=unknown").await,
        inactive()
    );
    assert_eq!(stranger.introspect(&token, "").await, inactive());
    let spoiled = spoiled(&token);
    for text in ["x", &spoiled, &client.secret, &vault.admin.key] {
        assert_eq!(client.introspect(text, "").await, inactive(), "{text}");
    }
    for path in ["introspect", "revoke"] {
        let path = format!("/oauth2/tokens/{path}");
        let answer = client.form(&path, "").await;
        assert_eq!(answer.status(), 400);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"], "invalid_request");
        assert_eq!(
            client
                .with_secret("x")
                .form(&path, "token=x")
                .await
                .status(),
            401
        );
    }
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let client = Client::create(&vault.admin, &["credentials:list"]).await;
    let sibling = Client::create(&vault.admin, &["credentials:list"]).await;
    let stranger = Client::create(&other, &["credentials:list"]).await;
    let (token, kept) = (client.token().await, client.token().await);
    for other in [&sibling, &stranger] {
        other.revoke(&token).await;
    }
    client.revoke("x").await;
    assert_eq!(status(&vault.admin, &token).await, 200);
    client.revoke(&token).await;
    let limit = std::time::Duration::from_secs(1);
    strongroom_e2e::eventually("the token is dead", limit, async || {
        status(&vault.admin, &token).await == 401
    })
    .await;
    assert_eq!(client.introspect(&token, "").await, inactive());
    client.revoke(&token).await;
    assert_eq!(status(&vault.admin, &kept).await, 200);
    let revoked = events(&vault, "token.revoke").await;
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["actor"], client.id.as_str());
}
