use crate::api::Api;
use crate::cluster::{OwnCluster, Standby};
use crate::server::Server;
use crate::vault::TestVault;

const NAMES: [&str; 5] = ["eu", "us", "ap", "sa", "af"];

/// A primary with a server, and regions with one standby and one server each.
pub struct TestRegions {
    /// The regions: the first ones of `eu`, `us`, `ap`, `sa`, `af`.
    pub regions: Vec<TestRegion>,
    /// The server at the primary, which has all regions configured and none of its own.
    pub vault: TestVault,
    /// The primary PostgreSQL.
    pub primary: OwnCluster,
    variables: Vec<(String, String)>,
}

/// A server in a region, and the standby that it reads from.
pub struct TestRegion {
    /// The region's name.
    pub name: String,
    /// Its server.
    pub server: Server,
    /// The organization's admin, as a caller of this server.
    pub admin: Api,
    /// The organization's member, as a caller of this server.
    pub member: Api,
    /// Its standby. All servers connect to it through its `to_standby`.
    pub standby: Standby,
}

impl TestRegions {
    /// Starts `count` regions, and waits until all are ready.
    pub async fn start(count: usize) -> Self {
        Self::start_with(count, &[]).await
    }

    /// As [`TestRegions::start`]; all servers have further `variables`.
    pub async fn start_with(count: usize, variables: &[(&str, &str)]) -> Self {
        let primary = OwnCluster::start().await;
        let standbys: Vec<Standby> = NAMES[..count]
            .iter()
            .map(|name| primary.standby(name))
            .collect();
        let configured: Vec<String> = standbys
            .iter()
            .map(|standby| {
                let url = standby.database_behind_proxy().app_url();
                format!("{}={url}", standby.name())
            })
            .collect();
        let configured = configured.join(" ");
        let mut all = vec![("STRONGROOM_REGIONS", configured.as_str())];
        all.extend_from_slice(variables);
        let vault = TestVault::start_on(primary.database(), &all).await;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut regions = Self {
            regions: Vec::new(),
            vault,
            primary,
            variables: all.iter().map(owned).collect(),
        };
        for standby in standbys {
            regions.add(standby).await;
        }
        regions
    }

    async fn add(&mut self, standby: Standby) {
        let server = self.start_server(standby.name(), &[]);
        let url = server.url();
        self.vault.ready(&url).await;
        self.regions.push(TestRegion {
            name: standby.name().to_owned(),
            admin: self.vault.admin.at(&url),
            member: self.vault.member.at(&url),
            server,
            standby,
        });
    }

    /// Starts another server in `region` with further `variables`, without waiting for readiness.
    #[must_use]
    pub fn start_server(&self, region: &str, variables: &[(&str, &str)]) -> Server {
        let mut all: Vec<(&str, &str)> = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.push(("STRONGROOM_REGION", region));
        all.extend_from_slice(variables);
        self.vault.start_server(&all)
    }
}
