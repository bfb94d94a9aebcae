//! Callers that create, change, delete, reveal and list credentials of several organizations on several servers, and
//! remember everything that they were told.

mod caller;
mod check;
mod journal;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::{Api, eventually};
use caller::Caller;
pub use check::Checked;
pub use journal::{Counts, Trouble};
use journal::{Journal, Org};

/// How many callers, and how busy.
#[derive(Debug, Clone, Copy)]
pub struct LoadSettings {
    /// Callers per organization.
    pub callers: usize,
    /// Pause of each between two operations.
    pub pause: Duration,
    /// What the random choices begin from.
    pub seed: u64,
}

/// Callers at work.
pub struct Load {
    journal: Arc<Journal>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts callers for each of `admins`, on `servers`.
    #[must_use]
    pub fn start(admins: &[Api], servers: &[String], settings: LoadSettings) -> Self {
        let orgs = admins.iter().cloned().map(Org::new).collect();
        let journal = Arc::new(Journal::new(orgs, servers));
        let mut seeds = fastrand::Rng::with_seed(settings.seed);
        let tasks = (0..admins.len() * settings.callers).map(|number| {
            let caller = Caller::new(&journal, number % admins.len(), seeds.fork());
            tokio::spawn(caller.run(settings.pause))
        });
        let tasks = tasks.collect();
        Self { journal, tasks }
    }

    /// From now on, callers use these.
    pub fn use_servers(&self, servers: &[String]) {
        self.journal.use_servers(servers);
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.journal.counts()
    }

    /// What went wrong so far: requests without the answer that was hoped for.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        self.journal.troubles()
    }

    /// Waits until `more` further operations were carried out.
    pub async fn has_done(&self, more: usize) {
        let before = self.counts().done;
        eventually("the callers get on", Duration::from_secs(60), async || {
            self.counts().done >= before + more
        })
        .await;
    }

    /// Waits until more than `before` requests have failed.
    pub async fn has_failed(&self, before: usize) {
        eventually("a request fails", Duration::from_secs(60), async || {
            self.troubles().len() > before
        })
        .await;
    }

    /// Waits until all servers serve everything again, and does not take long: what was begun more than `limit` after
    /// `since` must not fail. How long it took: from `since` to the begin of the last request that failed.
    ///
    /// # Panics
    /// When it takes longer.
    pub async fn has_recovered(&self, since: Instant, limit: Duration) -> Duration {
        // No request can fail for longer than this after nothing fails any more.
        let quiet = Duration::from_secs(1);
        loop {
            let last = self.journal.last_trouble_after(since);
            let took = last
                .as_ref()
                .map_or(Duration::ZERO, |last| last.begun - since);
            assert!(took <= limit, "not back after {limit:?}: {last:?}");
            if since.elapsed() > took + quiet {
                self.has_done(self.tasks.len() * 2).await;
                let late = self.journal.last_trouble_after(since);
                if late.is_none_or(|late| late.begun - since <= limit) {
                    return took;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets everyone finish.
    pub async fn stop(self) -> Checked {
        self.journal.stop();
        for task in self.tasks {
            task.await.unwrap();
        }
        Checked::of(self.journal)
    }
}
