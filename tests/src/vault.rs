use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::command::{self, Finished};
use crate::organizations;
use crate::postgres::Database;
use crate::server::Server;
use crate::waiting::eventually;

/// A database, a root key, an organization with two API keys, and a server.
pub struct TestVault {
    /// The database.
    pub database: Database,
    /// The server; [`TestVault::start_server`] starts more.
    pub server: Server,
    /// The organization's admin, as a caller of `server`.
    pub admin: Api,
    /// The organization's member, as a caller of `server`.
    pub member: Api,
    folder: TempDir,
}

impl TestVault {
    /// A new vault, ready to serve.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A new vault on a database that is never sharded, also when a cluster is given.
    pub async fn start_unsharded() -> Self {
        Self::start_on(Database::create_unsharded().await, &[]).await
    }

    /// A new vault whose server has further `variables`.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_on(Database::create().await, variables).await
    }

    /// A new vault on a migrated `database`, whose server has further `variables`.
    pub async fn start_on(database: Database, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::with_prefix("strongroom-test-").unwrap();
        let root_key = folder.path().join("root.key");
        let made = command::run(
            &["root-key", "new", "--output", root_key.to_str().unwrap()],
            &[],
        );
        assert!(made.success, "{}", made.stderr);
        let server = serve(&database, &folder, variables);
        let unset = Api::new(&server.url(), "", "");
        let mut vault = Self {
            database,
            server,
            admin: unset.clone(),
            member: unset,
            folder,
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

    /// Replaces the server by a new one, and waits until that is ready.
    pub async fn replace_server(&mut self, variables: &[(&str, &str)]) {
        self.server = self.start_server(variables);
        let url = self.server.url();
        (self.admin, self.member) = (self.admin.at(&url), self.member.at(&url));
        self.ready(&url).await;
    }

    /// Runs `strongroom` on this vault as the superuser.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Finished {
        let variables = [
            ("STRONGROOM_DATABASE_URL", self.database.superuser_url()),
            ("STRONGROOM_ROOT_KEY_FILE", self.root_key_file()),
        ];
        command::run(
            args,
            &variables
                .each_ref()
                .map(|(name, value)| (*name, value.as_str())),
        )
    }

    /// Creates an organization; returns its admin and its member.
    #[must_use]
    pub fn new_organization(&self, name: &str) -> (Api, Api) {
        organizations::create(|args| self.run(args), &self.server.url(), name)
    }

    /// An admin of the first organization that acts in all its descendants.
    #[must_use]
    pub fn root(&self) -> Api {
        organizations::root(|args| self.run(args), &self.server.url(), &self.admin.org)
    }

    /// The API keys of `org`, as `strongroom key list` prints them.
    #[must_use]
    pub fn keys(&self, org: &str) -> Vec<Value> {
        organizations::keys(|args| self.run(args), org)
    }

    /// Revokes the API key `key_id` of `org`.
    pub fn revoke(&self, org: &str, key_id: &str) {
        organizations::revoke(|args| self.run(args), org, key_id);
    }

    /// Creates an API key of `org`.
    #[must_use]
    pub fn new_key(&self, org: &str, role: &str) -> Api {
        organizations::new_key(|args| self.run(args), &self.server.url(), org, role)
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
        // The first connection to a coordinator opens connections to the workers, for which two
        // hundred callers wait.
        all.push(("STRONGROOM_CONNECT_TIMEOUT", "8s"));
    }
    all.extend_from_slice(variables);
    Server::spawn(&["serve"], &all)
}
