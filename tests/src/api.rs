use reqwest::{Body, Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::envelope::{Failure, failure};

/// The path of the credentials.
pub const CREDENTIALS: &str = "/organizations/config/external-credentials";

/// A caller: a server's URL, an organization and an API key.
#[derive(Debug, Clone)]
pub struct Api {
    /// The server's base URL.
    pub url: String,
    /// The organization's id.
    pub org: String,
    /// The API key.
    pub key: String,
    client: Client,
}

impl Api {
    /// A caller of the server at `url`.
    #[must_use]
    pub fn new(url: &str, org: &str, key: &str) -> Self {
        Self {
            url: url.to_owned(),
            org: org.to_owned(),
            key: key.to_owned(),
            client: Client::new(),
        }
    }

    /// The same caller at another server.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self::new(url, &self.org, &self.key)
    }

    /// The same caller, acting in `org`.
    #[must_use]
    pub fn acting_in(&self, org: &str) -> Self {
        Self::new(&self.url, org, &self.key)
    }

    /// A caller with another key of the same organization.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self::new(&self.url, &self.org, key)
    }

    /// Sends `body` as JSON; returns the `result` of the response, whose status must be `status`.
    pub async fn call(&self, method: Method, path: &str, body: &Value, status: u16) -> Value {
        let request = self.request(method, path);
        let request = match body {
            Value::Null => request,
            body => request.json(body),
        };
        let answer = request.send().await.unwrap();
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(got, status, "{path}: {text}");
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        body["result"].clone()
    }

    /// Creates a sub-organization; returns its first key's holder.
    pub async fn new_suborganization(&self, name: &str) -> Self {
        let body = json!({"sub_org_name": name, "admins": []});
        let path = "/organizations/suborganizations";
        let made = self.call(Method::POST, path, &body, 200).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self::new(&self.url, &text("id"), &text("api_key"))
    }

    /// Issues an API key from `body`, which needs no name; returns its holder and its id.
    pub async fn issue(&self, mut body: Value) -> (Self, String) {
        body["name"] = "test".into();
        let made = self
            .call(Method::POST, "/organizations/api-keys", &body, 201)
            .await;
        let text = |name: &str| made[name].as_str().unwrap();
        (self.with_key(text("api_key")), text("key_id").to_owned())
    }

    /// A request with this caller's headers.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path)
            .header("SlashID-OrgID", &self.org)
            .header("SlashID-API-Key", &self.key)
    }

    /// A request without headers.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Posts `body` to the credentials.
    pub async fn post(&self, body: &Value) -> Response {
        self.request(Method::POST, CREDENTIALS)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// Posts `body`, which the server must refuse with 400.
    pub async fn refused(&self, body: impl Into<Body>) -> Failure {
        failure(self.send(Method::POST, CREDENTIALS, body).await, 400).await
    }

    /// Creates a generic API-key credential that contains `secret`; returns its id.
    pub async fn create(&self, secret: &str) -> String {
        self.create_from(&api_key(secret)).await
    }

    /// Creates a credential from `body`; returns its id.
    pub async fn create_from(&self, body: &Value) -> String {
        let answer = self.post(body).await;
        assert_eq!(answer.status(), 201, "{body}");
        let body: Value = answer.json().await.unwrap();
        body["result"][0].as_str().unwrap().to_owned()
    }

    /// Gets `path`.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The value of the server's metric `name`, which includes the labels.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.bare(Method::GET, "/metrics").send().await.unwrap();
        let text = answer.text().await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// Reveals the credential `id`.
    pub async fn reveal(&self, id: &str) -> Response {
        self.get(&format!("{CREDENTIALS}/{id}")).await
    }

    /// The secret of the credential `id`.
    pub async fn secret(&self, id: &str) -> Value {
        let answer = self.reveal(id).await;
        assert_eq!(answer.status(), 200, "{id}");
        let body: Value = answer.json().await.unwrap();
        body["result"]["json_blob"].clone()
    }

    /// Sends `body` unchanged, as JSON.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Response {
        self.request(method, path)
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// Patches the credential `id`.
    pub async fn patch(&self, id: &str, body: &Value) -> Response {
        let path = format!("{CREDENTIALS}/{id}");
        self.request(Method::PATCH, &path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// Deletes the credentials that `query` selects.
    pub async fn delete(&self, query: &str) -> Response {
        let path = format!("{CREDENTIALS}?{query}");
        self.request(Method::DELETE, &path).send().await.unwrap()
    }

    /// The first page of credentials.
    pub async fn list(&self) -> Vec<Value> {
        let answer = self.get(CREDENTIALS).await;
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        body["result"].as_array().unwrap().clone()
    }
}

/// The body that creates a generic API-key credential that contains `secret`.
#[must_use]
pub fn api_key(secret: &str) -> Value {
    json!({
        "extcred_provider": "generic",
        "extcred_type": "api_key",
        "json_blob": {"api_key": secret},
    })
}
