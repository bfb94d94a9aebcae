use crate::{Api, OwnCluster, Server, Standby, TestVault};

const NAMES: [&str; 5] = ["eu", "us", "ap", "sa", "af"];

/// A primary with a server, and regions with a standby and a server each.
pub struct TestRegions {
    /// The regions: `eu`, `us`, `ap`, `sa`, `af`, as many as were asked for.
    pub regions: Vec<TestRegion>,
    /// The server at the primary, which has all regions configured and none of its own.
    pub vault: TestVault,
    /// The PostgreSQL that takes the writes.
    pub primary: OwnCluster,
    variables: Vec<(String, String)>,
}

/// A server in a region, and the standby that it reads from.
pub struct TestRegion {
    /// The region's name.
    pub name: String,
    /// Its server.
    pub server: Server,
    /// The organization's admin, talking to this server.
    pub admin: Api,
    /// The organization's member, talking to this server.
    pub member: Api,
    /// Its standby. All servers come to it through its `to_standby`.
    pub standby: Standby,
}

impl TestRegions {
    /// `count` regions, all ready.
    pub async fn start(count: usize) -> Self {
        Self::start_with(count, &[]).await
    }

    /// `count` regions, all ready; their servers and the primary's have further `variables`.
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

    /// Starts another server in `region`, with further `variables`; it may not be ready yet.
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
