//! Callers that create, change, delete, reveal and list credentials of several organizations on
//! several servers, and record all answers.

mod caller;
mod check;
mod journal;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::api::Api;
use crate::waiting::eventually;
use caller::Caller;
pub use check::Checked;
pub use journal::{Counts, FailedRequest};
use journal::{Journal, Org};

/// The number of callers, and their pace.
#[derive(Debug, Clone, Copy)]
pub struct LoadSettings {
    /// Callers per organization.
    pub callers: usize,
    /// The pause of a caller between two operations.
    pub pause: Duration,
    /// The seed of the random choices.
    pub seed: u64,
}

/// Running callers.
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

    /// Makes all further requests use `servers`.
    pub fn use_servers(&self, servers: &[String]) {
        self.journal.use_servers(servers);
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.journal.counts()
    }

    /// The requests that failed so far.
    #[must_use]
    pub fn failed_requests(&self) -> Vec<FailedRequest> {
        self.journal.failed_requests()
    }

    /// Waits until `more` further operations have succeeded.
    pub async fn has_done(&self, more: usize) {
        let before = self.counts().done;
        let limit = Duration::from_secs(60);
        eventually("operations succeed", limit, async || {
            self.counts().done >= before + more
        })
        .await;
    }

    /// Waits until more than `before` requests have failed.
    pub async fn has_failed(&self, before: usize) {
        eventually("a request fails", Duration::from_secs(60), async || {
            self.failed_requests().len() > before
        })
        .await;
    }

    /// Waits until all servers serve all requests again. Returns the time from `since` to the begin
    /// of the last failed request.
    ///
    /// # Panics
    /// If a request fails that began more than `limit` after `since`.
    pub async fn has_recovered(&self, since: Instant, limit: Duration) -> Duration {
        // Recovery is complete after this time without a failed request.
        let quiet = Duration::from_secs(1);
        loop {
            let last = self.journal.last_failure_after(since);
            let took = last
                .as_ref()
                .map_or(Duration::ZERO, |last| last.begun - since);
            assert!(took <= limit, "not recovered after {limit:?}: {last:?}");
            if since.elapsed() > took + quiet {
                self.has_done(self.tasks.len() * 2).await;
                let late = self.journal.last_failure_after(since);
                if late.is_none_or(|late| late.begun - since <= limit) {
                    return took;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops all callers after their current request.
    pub async fn stop(self) -> Checked {
        self.journal.stop();
        for task in self.tasks {
            task.await.unwrap();
        }
        Checked::of(self.journal)
    }
}
