//! Regions: hot standbys of the primary, and their progress.
//!
//! One watcher per region polls its database, for any number of waiting requests. A write has
//! arrived where its operation's row is visible. This also holds across failovers, after which WAL
//! positions are not comparable.

pub(crate) mod lag;
pub(crate) mod position;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::regions::Regions;
use strongroom_domain::replication::{Level, OperationId, PendingWrite, RegionStatus, Stale};
use tokio_util::task::AbortOnDropHandle;

use crate::connect::database::Database;
use crate::connect::error::ConnectError;
use crate::connect::settings::DatabaseSettings;
use crate::connect::url::DatabaseUrl;
use crate::regions::position::PrimaryPosition;
use crate::regions::watch::RegionWatcher;

/// A region: a standby of the primary, or the primary itself.
#[derive(Debug, Clone)]
pub struct RegionSettings {
    /// Its name in settings, metrics and logs.
    pub name: String,
    /// Its database.
    pub url: DatabaseUrl,
}

/// The regions that writes are replicated to.
#[derive(Debug, Clone)]
pub struct RegionsSettings {
    /// Every region.
    pub all: Vec<RegionSettings>,
    /// The name of the region whose database is read; `None` if the primary is read.
    pub local: Option<String>,
    /// The lag above which responses declare the data stale.
    pub max_lag: Duration,
    /// Whether reads are refused above that lag.
    pub refuse_stale: bool,
}

impl Default for RegionsSettings {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            local: None,
            max_lag: Duration::from_secs(10),
            refuse_stale: false,
        }
    }
}

/// Watchers of all regions' databases. They stop when this is dropped.
pub struct WatchedRegions {
    settings: RegionsSettings,
    primary: Arc<PrimaryPosition>,
    watchers: Vec<Arc<RegionWatcher>>,
    replica: Option<Database>,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl WatchedRegions {
    /// Starts the watchers on the current runtime. `primary` is the database that is written to;
    /// `connect` has the settings of its connections.
    ///
    /// # Errors
    /// [`ConnectError::Tls`] if root certificates cannot be read.
    pub fn start(
        settings: RegionsSettings,
        primary: &Database,
        connect: &DatabaseSettings,
    ) -> Result<Self, ConnectError> {
        let mut regions = Self {
            primary: Arc::default(),
            watchers: Vec::new(),
            replica: None,
            tasks: Vec::new(),
            settings,
        };
        for region in &regions.settings.all {
            let connect = DatabaseSettings {
                url: region.url.clone(),
                ..connect.clone()
            };
            if regions.settings.local.as_ref() == Some(&region.name) {
                let health = primary.health.replica();
                regions.replica = Some(Database::with_health(&connect, health)?);
            }
            // A connection of its own, so that reads do not delay the polls.
            let database = Database::new(&DatabaseSettings {
                pool_size: 1,
                ..connect
            })?;
            let primary = regions.primary.clone();
            let max_lag = regions.settings.max_lag;
            let watcher = RegionWatcher::new(region.name.clone(), database, primary, max_lag);
            let watcher = Arc::new(watcher);
            let task = tokio::spawn(watcher.clone().run());
            regions.tasks.push(AbortOnDropHandle::new(task));
            regions.watchers.push(watcher);
        }
        if !regions.watchers.is_empty() {
            let position = regions.primary.clone();
            let task = tokio::spawn(position.watch(primary.clone()));
            regions.tasks.push(AbortOnDropHandle::new(task));
        }
        Ok(regions)
    }

    /// The local region's database, for reads; `None` if the primary is read.
    #[must_use]
    pub fn replica(&self) -> Option<Database> {
        self.replica.clone()
    }

    fn watcher(&self, name: &str) -> Option<&Arc<RegionWatcher>> {
        self.watchers.iter().find(|watcher| watcher.name == name)
    }
}

#[async_trait]
impl Regions for WatchedRegions {
    fn required_regions(&self, level: Level) -> Vec<String> {
        match level {
            Level::LocalRegion => self.settings.local.iter().cloned().collect(),
            Level::AllRegions => self
                .settings
                .all
                .iter()
                .map(|one| one.name.clone())
                .collect(),
        }
    }

    async fn wait(
        &self,
        scope: OrgScope,
        awaited: PendingWrite,
        regions: &[String],
        timeout: Duration,
    ) -> Vec<String> {
        let arrived = regions.iter().map(|name| async move {
            match self.watcher(name) {
                Some(watcher) => {
                    let arrival = watcher.arrival(scope, awaited);
                    tokio::time::timeout(timeout, arrival).await.is_ok()
                }
                None => false,
            }
        });
        let arrived = join_all(arrived).await;
        let late = regions.iter().zip(arrived).filter(|(_, arrived)| !arrived);
        late.map(|(name, _)| name.clone()).collect()
    }

    async fn shown_by_region(
        &self,
        scope: OrgScope,
        operation: OperationId,
    ) -> BTreeMap<String, bool> {
        let shown = self.watchers.iter().map(|watcher| async move {
            let shown = watcher.shows(scope, operation).await;
            (watcher.name.clone(), shown)
        });
        join_all(shown).await.into_iter().collect()
    }

    fn status(&self) -> Vec<RegionStatus> {
        let primary = self.primary.get();
        let status = |watcher: &Arc<RegionWatcher>| {
            let progress = watcher.progress();
            RegionStatus {
                name: watcher.name.clone(),
                up: progress.up,
                primary: progress.sample.is_some_and(|sample| !sample.standby),
                lag_bytes: lag::bytes(primary, &progress),
                lag: lag::time(primary, &progress),
                waiting: watcher.waiting(),
            }
        };
        self.watchers.iter().map(status).collect()
    }

    fn stale(&self) -> Option<Stale> {
        let watcher = self.watcher(self.settings.local.as_ref()?)?;
        let (primary, progress) = (self.primary.get(), watcher.progress());
        // The lag is unknown until both databases have answered.
        lag::bytes(primary, &progress)?;
        let lag = lag::time(primary, &progress);
        let stale = Stale {
            lag,
            refused: self.settings.refuse_stale,
        };
        lag.is_none_or(|lag| lag > self.settings.max_lag)
            .then_some(stale)
    }
}
