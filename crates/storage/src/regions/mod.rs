//! Regions: hot standbys of the primary, and how far each one has come.
//!
//! One watcher per region asks its database for its position, however many requests wait. A write has arrived
//! where its operation's row is visible: true also across failovers, where positions lie.

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
use tokio::task::JoinHandle;

use crate::connect::database::{Database, DatabaseSettings};
use crate::connect::error::ConnectError;
use crate::connect::url::DatabaseUrl;
use crate::regions::position::PrimaryPosition;
use crate::regions::watch::Watch;

/// A region: a standby of the primary, or the primary itself.
#[derive(Debug, Clone)]
pub struct RegionSettings {
    /// What people call it.
    pub name: String,
    /// Its database.
    pub url: DatabaseUrl,
}

/// The regions that writes travel to.
#[derive(Debug, Clone)]
pub struct RegionsSettings {
    /// Every region.
    pub all: Vec<RegionSettings>,
    /// The name of the one whose database is read; none where that is the primary.
    pub local: Option<String>,
    /// How far that one may be behind before answers say so.
    pub max_lag: Duration,
    /// Whether reads are refused beyond it.
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

/// The databases of all regions, health. Watching stops when this is dropped.
pub struct WatchedRegions {
    settings: RegionsSettings,
    primary: Arc<PrimaryPosition>,
    watches: Vec<Arc<Watch>>,
    replica: Option<Database>,
    tasks: Vec<JoinHandle<()>>,
}

impl WatchedRegions {
    /// Starts watching on the current runtime. `primary` is the database that is written to, `connect` how its
    /// connections are made.
    ///
    /// # Errors
    /// [`ConnectError::Tls`] when root certificates cannot be read.
    pub fn start(
        settings: RegionsSettings,
        primary: &Database,
        connect: &DatabaseSettings,
    ) -> Result<Self, ConnectError> {
        let mut health = Self {
            primary: Arc::default(),
            watches: Vec::new(),
            replica: None,
            tasks: Vec::new(),
            settings,
        };
        for region in &health.settings.all {
            let connect = DatabaseSettings {
                url: region.url.clone(),
                ..connect.clone()
            };
            if health.settings.local.as_ref() == Some(&region.name) {
                let told = primary.health.replica();
                health.replica = Some(Database::health(&connect, told)?);
            }
            // A connection of its own: those that wait cannot be held up by those that read.
            let database = Database::new(&DatabaseSettings {
                pool_size: 1,
                ..connect
            })?;
            let primary = health.primary.clone();
            let max_lag = health.settings.max_lag;
            let watch = Watch::new(region.name.clone(), database, primary, max_lag);
            let watch = Arc::new(watch);
            health.tasks.push(tokio::spawn(watch.clone().run()));
            health.watches.push(watch);
        }
        if !health.watches.is_empty() {
            let position = health.primary.clone();
            let watching = position.watch(primary.clone());
            health.tasks.push(tokio::spawn(watching));
        }
        Ok(health)
    }

    /// The database of the local region, for reading.
    #[must_use]
    pub fn replica(&self) -> Option<Database> {
        self.replica.clone()
    }

    fn watch(&self, name: &str) -> Option<&Arc<Watch>> {
        self.watches.iter().find(|watch| watch.name == name)
    }
}

impl Drop for WatchedRegions {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
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
        patience: Duration,
    ) -> Vec<String> {
        let arrived = regions.iter().map(|name| async move {
            match self.watch(name) {
                Some(watch) => {
                    let arrival = watch.arrival(scope, awaited);
                    tokio::time::timeout(patience, arrival).await.is_ok()
                }
                None => false,
            }
        });
        let arrived = join_all(arrived).await;
        let late = regions.iter().zip(arrived).filter(|(_, arrived)| !arrived);
        late.map(|(name, _)| name.clone()).collect()
    }

    async fn shown(&self, scope: OrgScope, operation: OperationId) -> BTreeMap<String, bool> {
        let shown = self.watches.iter().map(|watch| async move {
            let shown = watch.shows(scope, operation).await;
            (watch.name.clone(), shown)
        });
        join_all(shown).await.into_iter().collect()
    }

    fn status(&self) -> Vec<RegionStatus> {
        let primary = self.primary.get();
        let status = |watch: &Arc<Watch>| {
            let progress = watch.progress();
            RegionStatus {
                name: watch.name.clone(),
                up: progress.up,
                primary: progress.sample.is_some_and(|sample| !sample.standby),
                lag_bytes: lag::bytes(primary, &progress),
                lag: lag::time(primary, &progress),
                waiting: watch.waiting(),
            }
        };
        self.watches.iter().map(status).collect()
    }

    fn stale(&self) -> Option<Stale> {
        let watch = self.watch(self.settings.local.as_ref()?)?;
        let (primary, progress) = (self.primary.get(), watch.progress());
        // Before both have answered nothing is known, and nothing is claimed.
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
