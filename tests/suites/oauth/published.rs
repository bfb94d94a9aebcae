//! Published clients, unmodified, and the flow that SlashID's documents describe.

use std::path::Path;
use std::process::Command;

use oauth2::basic::BasicClient;
use oauth2::{
    ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, Scope,
    TokenIntrospectionResponse, TokenResponse, TokenUrl,
};
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{CREDENTIALS, TestVault, clients};

use super::support::{Client, bearer, result, status};

#[tokio::test]
async fn the_flow_of_slashids_documents() {
    let vault = TestVault::start().await;
    let id = vault.admin.create("secret").await;
    let body = json!({
        "client_name": "SaaS backend",
        "scopes": ["credentials:list", "credentials:reveal"],
        "grant_types": ["client_credentials"],
        "public": false,
    });
    let client = Client::create_from(&vault.admin, &body).await;
    let answer = client.ask("").await;
    let token: Value = answer.json().await.unwrap();
    assert_eq!(token["token_type"], "bearer");
    let token = token["access_token"].as_str().unwrap();
    let list = bearer(&vault.admin, Method::GET, CREDENTIALS, token)
        .send()
        .await;
    let listed = result(list.unwrap(), 200).await;
    assert_eq!(listed[0]["external_cred_id"], id.as_str());
    let path = format!("{CREDENTIALS}/{id}");
    let reveal = bearer(&vault.admin, Method::GET, &path, token).send().await;
    let revealed = result(reveal.unwrap(), 200).await;
    assert_eq!(revealed["json_blob"]["api_key"], "secret");
}

/// Sends a request of the crate `oauth2`.
async fn exchange(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let request = reqwest::Client::new().request(parts.method, parts.uri.to_string());
    let answer = request.headers(parts.headers).body(body).send().await?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.to_vec();
    Ok(response)
}

#[tokio::test]
async fn the_crate_oauth2_obtains_and_introspects_a_token() {
    let vault = TestVault::start().await;
    let client = Client::create(&vault.admin, &["credentials:list", "audit:read"]).await;
    let url = |path: &str| format!("{}/oauth2/{path}", vault.admin.url);
    let oauth = BasicClient::new(ClientId::new(client.id.clone()))
        .set_client_secret(ClientSecret::new(client.secret.clone()))
        .set_token_uri(TokenUrl::new(url("tokens")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(url("tokens/introspect")).unwrap());
    let request = oauth
        .exchange_client_credentials()
        .add_scope(Scope::new("credentials:list".into()));
    let token = request.request_async(&exchange).await.unwrap();
    assert_eq!(token.expires_in().unwrap().as_secs(), 86400);
    let text = token.access_token().secret();
    assert_eq!(status(&vault.admin, text).await, 200);
    let request = oauth.introspect(token.access_token());
    let shown = request.request_async(&exchange).await.unwrap();
    assert!(shown.active());
    assert_eq!(shown.client_id().unwrap().as_str(), client.id);
    assert_eq!(
        shown.scopes().unwrap(),
        &[Scope::new("credentials:list".into())]
    );
}

#[tokio::test]
async fn authlib_obtains_uses_introspects_and_revokes_a_token() {
    let vault = TestVault::start().await;
    let client = Client::create(&vault.admin, &["credentials:list", "audit:read"]).await;
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/authlib_client.py");
    let output = Command::new(clients().join("authlib-1.9.6/venv/bin/python"))
        .arg(driver)
        .args([
            &vault.admin.url,
            &vault.admin.org,
            &client.id,
            &client.secret,
        ])
        .env("AUTHLIB_INSECURE_TRANSPORT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({"token_type": "bearer", "scope": "credentials:list", "listed": 200,
        "active": true, "revoked": 200});
    assert_eq!(said, expected);
}
