//! Clients and tokens for the suites.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};

pub(super) const CLIENTS: &str = "/oauth2/clients";
pub(super) const TOKENS: &str = "/oauth2/tokens";

/// A client of the organization of `api`.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) api: Api,
    pub(super) id: String,
    pub(super) secret: String,
}

/// The names of the members of an object.
pub(super) fn members(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap().keys();
    members.map(String::as_str).collect()
}

/// The body that creates a client with `scopes`.
pub(super) fn new_client(scopes: &[&str]) -> Value {
    json!({"client_name": "backend", "scopes": scopes, "grant_types": ["client_credentials"]})
}

/// Sends `body` as `api`.
pub(super) async fn send(api: &Api, method: Method, path: &str, body: &Value) -> Response {
    api.send(method, path, body.to_string()).await
}

/// The `result` of a response with this status.
pub(super) async fn result(answer: Response, status: u16) -> Value {
    let found = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    assert_eq!(found, status, "{body}");
    body["result"].clone()
}

/// A request of the organization of `api` with this `Authorization`.
pub(super) fn authorized(api: &Api, method: Method, path: &str, value: &str) -> RequestBuilder {
    api.bare(method, path)
        .header("SlashID-OrgID", &api.org)
        .header("Authorization", value)
}

/// A request with an access token.
pub(super) fn bearer(api: &Api, method: Method, path: &str, token: &str) -> RequestBuilder {
    authorized(api, method, path, &format!("Bearer {token}"))
}

/// A token with a typing error.
pub(super) fn spoiled(token: &str) -> String {
    let (head, tail) = token.split_at(token.len() - 9);
    let other = if tail.starts_with('a') { "b" } else { "a" };
    format!("{head}{other}{}", &tail[1..])
}

/// The status of a list of credentials with an access token.
pub(super) async fn status(api: &Api, token: &str) -> u16 {
    let request = bearer(api, Method::GET, strongroom_e2e::CREDENTIALS, token);
    request.send().await.unwrap().status().as_u16()
}

impl Client {
    /// A new client with `scopes`.
    pub(super) async fn create(api: &Api, scopes: &[&str]) -> Self {
        Self::create_from(api, &new_client(scopes)).await
    }

    /// A new client from `body`.
    pub(super) async fn create_from(api: &Api, body: &Value) -> Self {
        let client = result(send(api, Method::POST, CLIENTS, body).await, 201).await;
        let member = |name: &str| client[name].as_str().unwrap().to_owned();
        Self {
            api: api.clone(),
            id: member("client_id"),
            secret: member("client_secret"),
        }
    }

    /// The path of the client.
    pub(super) fn path(&self) -> String {
        format!("{CLIENTS}/{}", self.id)
    }

    /// The same client with another secret.
    pub(super) fn with_secret(&self, secret: &str) -> Self {
        let secret = secret.to_owned();
        Self {
            secret,
            ..self.clone()
        }
    }

    /// A request by HTTP Basic.
    pub(super) fn basic(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.api.bare(method, path);
        let request = request.header("SlashID-OrgID", &self.api.org);
        request.basic_auth(&self.id, Some(&self.secret))
    }

    /// Posts a form by HTTP Basic.
    pub(super) async fn form(&self, path: &str, form: &str) -> Response {
        let request = self.api.bare(Method::POST, path);
        let request = request.basic_auth(&self.id, Some(&self.secret));
        let kind = "application/x-www-form-urlencoded";
        let request = request.header("Content-Type", kind).body(form.to_owned());
        request.send().await.unwrap()
    }

    /// The answer to a request for a token.
    pub(super) async fn ask(&self, more: &str) -> Response {
        let form = format!("grant_type=client_credentials{more}");
        self.form(TOKENS, &form).await
    }

    /// A new token with all scopes.
    pub(super) async fn token(&self) -> String {
        self.token_with("").await
    }

    /// A new token from a request with `more` parameters.
    pub(super) async fn token_with(&self, more: &str) -> String {
        let answer = self.ask(more).await;
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// What introspection says of `token`.
    pub(super) async fn introspect(&self, token: &str, more: &str) -> Value {
        let form = format!("token={token}{more}");
        let answer = self.form("/oauth2/tokens/introspect", &form).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Revokes `token`.
    pub(super) async fn revoke(&self, token: &str) {
        let form = format!("token={token}&token_type_hint=access_token");
        let answer = self.form("/oauth2/tokens/revoke", &form).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), "");
    }

    /// The status of a list of credentials by HTTP Basic.
    pub(super) async fn status(&self) -> u16 {
        let request = self.basic(Method::GET, strongroom_e2e::CREDENTIALS);
        request.send().await.unwrap().status().as_u16()
    }
}

/// The events of `action`, newest first.
pub(super) async fn events(vault: &TestVault, action: &str) -> Vec<Value> {
    let path = format!("/organizations/config/audit-events?action={action}");
    let answer = vault.admin.get(&path).await;
    result(answer, 200).await.as_array().unwrap().clone()
}
