use std::time::Duration;

use reqwest::{Body, Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::eventually;
use crate::{Database, Deployment, Failure, Finished, Server, failure};

/// The path of the credentials.
pub const CREDENTIALS: &str = "/organizations/config/external-credentials";

/// A database, a root key, an organization with two API keys, and a server.
pub struct TestVault {
    /// The database.
    pub database: Database,
    /// The server; more can be started with [`TestVault::start_server`].
    pub server: Server,
    /// The organization's admin, talking to `server`.
    pub admin: Api,
    /// The organization's member, talking to `server`.
    pub member: Api,
    folder: TempDir,
    deployment: Option<Deployment>,
}

/// One caller: a server's URL, an organization and an API key.
#[derive(Debug, Clone)]
pub struct Api {
    /// The server.
    pub url: String,
    /// The organization.
    pub org: String,
    /// The API key.
    pub key: String,
    client: Client,
}

impl TestVault {
    /// A fresh one, ready to serve. Where the tests run through a deployment, its callers talk to that one's
    /// servers, and nobody to this vault's own.
    pub async fn start() -> Self {
        let mut vault = Self::start_with(&[]).await;
        vault.deployment = Deployment::given();
        if vault.deployment.is_some() {
            (vault.admin, vault.member) = vault.new_organization("test");
        }
        vault
    }

    /// A fresh one whose server has further `variables`.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_on(Database::create().await, variables).await
    }

    /// A fresh one on a migrated `database`, whose server has further `variables`.
    pub async fn start_on(database: Database, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::with_prefix("strongroom-test-").unwrap();
        let root_key = folder.path().join("root.key");
        let made = crate::run(&["root-key", "new", root_key.to_str().unwrap()], &[]);
        assert!(made.success, "{}", made.stderr);
        let server = serve(&database, &folder, variables);
        let unset = Api::new(&server.url(), "", "");
        let mut vault = Self {
            database,
            server,
            admin: unset.clone(),
            member: unset,
            folder,
            deployment: None,
        };
        (vault.admin, vault.member) = vault.new_organization("test");
        vault.ready(&vault.admin.url).await;
        vault
    }

    /// Waits until the server at `url` is ready.
    pub async fn ready(&self, url: &str) {
        let client = Client::new();
        eventually("the server is ready", Duration::from_secs(30), async || {
            let answer = client.get(format!("{url}/readyz")).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// Starts another server on the same database.
    #[must_use]
    pub fn start_server(&self, variables: &[(&str, &str)]) -> Server {
        serve(&self.database, &self.folder, variables)
    }

    /// The root key's file.
    #[must_use]
    pub fn root_key_file(&self) -> String {
        self.folder
            .path()
            .join("root.key")
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Replaces the server by another one, and waits until that is ready.
    pub async fn replace_server(&mut self, variables: &[(&str, &str)]) {
        self.server = self.start_server(variables);
        let url = self.server.url();
        (self.admin, self.member) = (self.admin.at(&url), self.member.at(&url));
        self.ready(&url).await;
    }

    /// Runs `strongroom` on this vault, as the superuser.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Finished {
        if let Some(deployment) = self.deployment {
            return deployment.run(args);
        }
        let variables = [
            ("STRONGROOM_DATABASE_URL", self.database.superuser_url()),
            ("STRONGROOM_ROOT_KEY_FILE", self.root_key_file()),
        ];
        crate::run(
            args,
            &variables
                .each_ref()
                .map(|(name, value)| (*name, value.as_str())),
        )
    }

    /// Another organization; its admin and its member.
    #[must_use]
    pub fn new_organization(&self, name: &str) -> (Api, Api) {
        let made = self
            .run(&["org", "create", "--name", name, "--json"])
            .json();
        let org = made["org_id"].as_str().unwrap();
        let (admin, member) = (self.new_key(org, "admin"), self.new_key(org, "member"));
        let member = member.at(&admin.url);
        (admin, member)
    }

    /// Another API key of `org`.
    #[must_use]
    pub fn new_key(&self, org: &str, role: &str) -> Api {
        let args = [
            "key", "create", "--org", org, "--role", role, "--name", role, "--json",
        ];
        let made = self.run(&args).json();
        let url = match self.deployment {
            Some(deployment) => deployment.next_url(),
            None => self.server.url(),
        };
        Api::new(&url, org, made["api_key"].as_str().unwrap())
    }
}

fn serve(database: &Database, folder: &TempDir, variables: &[(&str, &str)]) -> Server {
    let (url, root_key) = (database.app_url(), folder.path().join("root.key"));
    let mut all = vec![
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.to_str().unwrap()),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ];
    if database.is_sharded() {
        // A first connection to a coordinator makes others to the workers; two hundred callers wait for them.
        all.push(("STRONGROOM_CONNECT_TIMEOUT", "8s"));
    }
    all.extend_from_slice(variables);
    Server::spawn(&["serve"], &all)
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

    /// A request with this caller's headers.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path)
            .header("SlashID-OrgID", &self.org)
            .header("SlashID-API-Key", &self.key)
    }

    /// A request without any header.
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

    /// Posts `body`, which must be refused with 400.
    pub async fn refused(&self, body: impl Into<Body>) -> Failure {
        failure(self.send(Method::POST, CREDENTIALS, body).await, 400).await
    }

    /// Creates a generic API-key credential holding `secret`; its id.
    pub async fn create(&self, secret: &str) -> String {
        self.create_from(&api_key(secret)).await
    }

    /// Creates a credential; its id.
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

    /// The value of the server's metric `name`, labels included.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.bare(Method::GET, "/metrics").send().await.unwrap();
        let text = answer.text().await.unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// Reads the credential `id` with its secret.
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

    /// Sends `body` as it is, as JSON.
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

    /// Deletes with `query`.
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

/// The body that creates a generic API-key credential holding `secret`.
#[must_use]
pub fn api_key(secret: &str) -> Value {
    json!({
        "extcred_provider": "generic",
        "extcred_type": "api_key",
        "json_blob": {"api_key": secret},
    })
}
