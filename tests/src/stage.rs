use std::time::Duration;

use crate::api::Api;
use crate::cluster::OwnCluster;
use crate::load::{Load, LoadSettings};
use crate::proxy::Proxy;
use crate::server::Server;
use crate::small_disk::SmallDisk;
use crate::vault::TestVault;

/// The servers' time limits, which are short so that tests reach them.
const VARIABLES: [(&str, &str); 3] = [
    ("STRONGROOM_REQUEST_TIMEOUT", "3s"),
    ("STRONGROOM_STATEMENT_TIMEOUT", "2s"),
    ("STRONGROOM_CONNECT_TIMEOUT", "1s"),
];
/// The additional time that an answer may take on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// A PostgreSQL and two servers that reach it through a proxy, into which tests inject faults.
pub struct Stage {
    /// PostgreSQL.
    pub cluster: OwnCluster,
    /// The proxy through which the servers reach PostgreSQL.
    pub proxy: Proxy,
    /// The vault; its server is the first one.
    pub vault: TestVault,
    /// The second server.
    pub second: Server,
    /// The organizations' admins.
    pub admins: Vec<Api>,
    /// The small file system that contains the tables, if there is one.
    pub small: Option<SmallDisk>,
}

impl Stage {
    /// Starts everything, with `organizations` organizations. With `small_disk` the tables are on a
    /// small file system, if the account may mount one.
    pub async fn set(organizations: usize, small_disk: bool) -> Self {
        let cluster = OwnCluster::start().await;
        let small = match small_disk {
            true => SmallDisk::mount(),
            false => None,
        };
        if let Some(small) = &small {
            small.hold(&cluster).await;
        }
        let proxy = Proxy::to(cluster.port());
        let vault = TestVault::start_on(cluster.database_through(&proxy), &VARIABLES).await;
        let mut admins = vec![vault.admin.clone()];
        for number in 1..organizations {
            admins.push(vault.new_organization(&format!("org {number}")).0);
        }
        let second = vault.start_server(&VARIABLES);
        vault.ready(&second.url()).await;
        Self {
            cluster,
            proxy,
            vault,
            second,
            admins,
            small,
        }
    }

    /// Starts callers on both servers.
    #[must_use]
    pub fn load(&self, settings: LoadSettings) -> Load {
        Load::start(&self.admins, &self.servers(), settings)
    }

    /// The servers' URLs.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        vec![self.vault.server.url(), self.second.url()]
    }

    /// The longest time that an answer may take.
    #[must_use]
    pub fn request_timeout() -> Duration {
        Duration::from_secs(3) + SLACK
    }

    /// kill -9 of both servers.
    pub fn kill_servers(&mut self) {
        self.vault.server.kill();
        self.second.kill();
    }

    /// Starts two new servers in place of the killed ones, as a process supervisor does.
    pub fn start_servers(&mut self, load: &Load) {
        self.vault.server = self.vault.start_server(&VARIABLES);
        self.second = self.vault.start_server(&VARIABLES);
        load.use_servers(&self.servers());
    }
}
