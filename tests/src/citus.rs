//! The sharded cluster for tests; `CITUS_URL` is the superuser's URL of its coordinator. Each test
//! has a database of its own on the coordinator and on every worker. All databases are dropped at
//! the end; roles remain.

use std::time::Duration;

use reqwest::Url;
use tokio::sync::Mutex;
use tokio_postgres::Client;

use crate::connection::{connect, migrate, sql};

/// The superuser's URL of the given coordinator.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "the harness has no settings; the environment names the cluster"
)]
pub fn url() -> Option<Url> {
    let given = std::env::var("CITUS_URL").ok()?;
    let url = given.trim();
    (!url.is_empty()).then(|| with_tls_off(Url::parse(url).unwrap()))
}

// The extension turns on TLS with a self-signed certificate, which cannot be verified.
fn with_tls_off(mut url: Url) -> Url {
    if !url.query_pairs().any(|(name, _)| name == "sslmode") {
        url.query_pairs_mut().append_pair("sslmode", "disable");
    }
    url
}

/// Each table has two shards per worker in tests.
const SHARDS_PER_WORKER: usize = 2;

/// A node of the cluster: the superuser's URL, and the address that the other nodes use.
#[derive(Debug, Clone)]
struct Node {
    url: Url,
    host: String,
    port: i32,
}

/// The nodes, the coordinator first.
async fn nodes() -> Vec<Node> {
    let coordinator = url().unwrap();
    let client = connect(coordinator.as_str()).await;
    let known = client
        .query(
            "select groupid, nodename, nodeport from pg_dist_node \
             where isactive and noderole = 'primary' order by groupid",
            &[],
        )
        .await
        .unwrap();
    let mut nodes = vec![Node {
        host: coordinator.host_str().unwrap().to_owned(),
        port: coordinator.port().unwrap_or(5432).into(),
        url: coordinator.clone(),
    }];
    for row in known {
        let (host, port): (String, i32) = (row.get("nodename"), row.get("nodeport"));
        if row.get::<_, i32>("groupid") == 0 {
            (nodes[0].host, nodes[0].port) = (host, port);
            continue;
        }
        let mut url = coordinator.clone();
        url.set_host(Some(&host)).unwrap();
        url.set_port(u16::try_from(port).ok()).unwrap();
        nodes.push(Node { url, host, port });
    }
    assert!(
        nodes.len() > 1,
        "the cluster that CITUS_URL names has no workers"
    );
    nodes
}

fn with_options(url: &mut Url, options: &str) -> String {
    url.query_pairs_mut().append_pair("options", options);
    // PostgreSQL does not read `+` as a space, as forms do.
    url.as_str().replace('+', "%20")
}

fn named(url: &Url, database: &str) -> Url {
    let mut url = url.clone();
    url.set_path(database);
    url
}

/// The template database, which is dropped with the last database that was cloned from it.
struct Template {
    databases: usize,
    made: bool,
}

static TEMPLATE: Mutex<Template> = Mutex::const_new(Template {
    databases: 0,
    made: false,
});

const PREFIX: &str = "strongroom_test_";

fn own(name: &str) -> String {
    format!("{PREFIX}{}_{name}", std::process::id())
}

/// A worker of the cluster.
#[derive(Debug, Clone)]
pub struct Worker {
    url: Url,
    /// Its port, as the coordinator has it.
    pub port: i32,
}

impl Worker {
    /// The superuser's URL of the test's database on this worker.
    #[must_use]
    pub fn superuser_url(&self) -> &str {
        self.url.as_str()
    }

    /// Another role's URL.
    #[must_use]
    pub fn url_as(&self, role: &str, password: &str) -> String {
        let mut url = self.url.clone();
        url.set_username(role).unwrap();
        url.set_password(Some(password)).unwrap();
        url.into()
    }
}

/// A database on all nodes of the cluster, which is dropped with this value.
#[derive(Debug)]
pub struct Lease {
    name: String,
    nodes: Vec<Node>,
}

impl Lease {
    /// Creates a database with all tables.
    pub async fn migrated(name: &str) -> Self {
        let (nodes, template) = (nodes().await, own("template"));
        {
            let mut state = TEMPLATE.lock().await;
            state.databases += 1;
            if !state.made {
                remove_those_of_ended_runs(&nodes).await;
                make_template(&nodes, &template).await;
                state.made = true;
            }
        }
        let name = own(name);
        let create = format!("create database {name} template {template}");
        everywhere(&nodes, "postgres", &create).await;
        Self { name, nodes }
    }

    /// Creates a database without tables.
    pub async fn empty(name: &str) -> Self {
        let (nodes, name) = (nodes().await, own(name));
        TEMPLATE.lock().await.databases += 1;
        make_cluster(&nodes, &name).await;
        Self { name, nodes }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The workers.
    pub fn workers(&self) -> impl Iterator<Item = Worker> {
        self.nodes[1..].iter().map(|node| Worker {
            url: named(&node.url, &self.name),
            port: node.port,
        })
    }

    pub(crate) fn superuser_url(&self) -> String {
        named(&self.nodes[0].url, &self.name).into()
    }

    pub(crate) fn url_as(&self, role: &str, password: &str) -> String {
        let mut url = named(&self.nodes[0].url, &self.name);
        url.set_username(role).unwrap();
        url.set_password(Some(password)).unwrap();
        // Servers set the same option. It gives a test's connections their scope on the workers.
        with_options(&mut url, "-c citus.propagate_set_commands=local")
    }
}

async fn make_template(nodes: &[Node], name: &str) {
    make_cluster(nodes, name).await;
    let mut url = named(&nodes[0].url, name);
    let shards = SHARDS_PER_WORKER * (nodes.len() - 1);
    let options = format!("-c strongroom.shards={shards}");
    migrate(with_options(&mut url, &options)).await;
    // A database can be cloned only without connections, and the first connection starts the
    // extension's own worker.
    let close = format!("alter database {name} allow_connections false");
    everywhere(nodes, "postgres", &close).await;
    let disconnect =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    everywhere(nodes, "postgres", &disconnect).await;
}

/// Creates an empty database on each node, and joins them into a cluster.
async fn make_cluster(nodes: &[Node], name: &str) {
    everywhere(nodes, "postgres", &format!("create database {name}")).await;
    everywhere(nodes, name, "create extension citus").await;
    let client = connect(named(&nodes[0].url, name).as_str()).await;
    let (coordinator, workers) = nodes.split_first().unwrap();
    join(&client, "citus_set_coordinator_host", coordinator).await;
    for worker in workers {
        join(&client, "citus_add_node", worker).await;
    }
}

async fn join(client: &Client, function: &str, node: &Node) {
    client
        .execute(
            &format!("select {function}($1, $2)"),
            &[&node.host, &node.port],
        )
        .await
        .unwrap();
}

async fn everywhere(nodes: &[Node], database: &str, statement: &str) {
    for node in nodes {
        sql(named(&node.url, database).as_str(), statement).await;
    }
}

async fn remove_those_of_ended_runs(nodes: &[Node]) {
    for node in nodes {
        let client = connect(named(&node.url, "postgres").as_str()).await;
        let all = client.query("select datname::text from pg_database", &[]);
        for row in all.await.unwrap() {
            let name: String = row.get(0);
            let run = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split_once('_'));
            let process = run.and_then(|(process, _)| process.parse::<u32>().ok());
            if process.is_some_and(|id| !std::fs::exists(format!("/proc/{id}")).unwrap()) {
                let drop = format!("drop database if exists {name} with (force)");
                client.batch_execute(&drop).await.unwrap();
            }
        }
    }
}

// Retries, because servers of the test and the extension's own workers may still connect. A later
// run drops the databases that remain.
async fn remove(nodes: &[Node], name: &str) {
    for node in nodes {
        let client = connect(named(&node.url, "postgres").as_str()).await;
        let close = format!("alter database {name} allow_connections false");
        let drop = format!("drop database if exists {name} with (force)");
        for _ in 0..50 {
            let _ = client.batch_execute(&close).await;
            if client.batch_execute(&drop).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (nodes, name) = (self.nodes.clone(), self.name.clone());
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                remove(&nodes, &name).await;
                let mut state = TEMPLATE.lock().await;
                state.databases -= 1;
                if state.databases == 0 && std::mem::take(&mut state.made) {
                    remove(&nodes, &own("template")).await;
                }
            });
        });
        let _ = removed.join();
    }
}
