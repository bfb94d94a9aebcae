//! Changes of clients, and what they mean for secrets and tokens.

use reqwest::Method;
use serde_json::json;
use strongroom_e2e::TestVault;

use super::support::{Client, events, members, result, send, status};

#[tokio::test]
async fn a_change_counts_at_once_for_client_and_tokens() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let scopes = ["credentials:list", "audit:read"];
    let client = Client::create(api, &scopes).await;
    let (whole, narrow) = (
        client.token().await,
        client.token_with("&scope=audit:read").await,
    );
    assert_eq!(
        (status(api, &whole).await, status(api, &narrow).await),
        (200, 403)
    );
    let less = json!({"scopes": ["audit:read"]});
    result(send(api, Method::PATCH, &client.path(), &less).await, 200).await;
    let limit = std::time::Duration::from_secs(1);
    strongroom_e2e::eventually("the scope is gone", limit, async || {
        status(api, &whole).await == 403 && client.status().await == 403
    })
    .await;
    // A token gets nothing that it was not issued with.
    let all = json!({"scopes": scopes});
    result(send(api, Method::PATCH, &client.path(), &all).await, 200).await;
    strongroom_e2e::eventually("the scope is back", limit, async || {
        status(api, &whole).await == 200
    })
    .await;
    assert_eq!(status(api, &narrow).await, 403);
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one_and_no_token() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let client = Client::create(api, &["credentials:list"]).await;
    let token = client.token().await;
    let path = format!("{}/secret", client.path());
    let put = async || api.request(Method::PUT, &path).send().await.unwrap();
    let replaced = result(put().await, 200).await;
    assert_eq!(members(&replaced), ["client_secret"]);
    let renewed = client.with_secret(replaced["client_secret"].as_str().unwrap());
    let limit = std::time::Duration::from_secs(1);
    strongroom_e2e::eventually("the old secret is dead", limit, async || {
        client.status().await == 401
    })
    .await;
    assert_eq!(client.ask("").await.status(), 401);
    assert_eq!(
        (renewed.status().await, status(api, &token).await),
        (200, 200)
    );
    let found = events(&vault, "oauth_client.rotate_secret").await;
    assert_eq!(found.len(), 1);
    let delete = api.request(Method::DELETE, &client.path());
    assert_eq!(delete.send().await.unwrap().status(), 204);
    strongroom_e2e::eventually("the client has ended", limit, async || {
        renewed.status().await == 401 && status(api, &token).await == 401
    })
    .await;
}
