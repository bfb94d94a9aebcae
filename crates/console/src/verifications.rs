//! Verifications of audit trails that were started from a page.
//!
//! They run in the process that received the form, at most one for each organization, and end with
//! it. The last result of an organization is kept there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use strongroom_domain::audit::kept::KeptHeads;
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::scrub::Pace;
use strongroom_domain::{AuditReport, OrgId, Vault, VaultError};

/// Verifications that run at the same time.
const MAX_RUNNING: usize = 4;
/// Organizations whose last result is kept.
const MAX_KEPT: usize = 1000;
/// The longest time of a verification.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(900);

static RUNS: LazyLock<Mutex<BTreeMap<OrgId, Arc<Run>>>> = LazyLock::new(Mutex::default);

/// A verification.
pub(crate) struct Run {
    /// Its beginning, by which its page names it.
    pub(crate) started_at: DateTime<Utc>,
    pages: AtomicU64,
    end: Mutex<Option<End>>,
}

/// How a verification ended.
#[derive(Clone)]
pub(crate) enum End {
    /// At this time, with this report.
    Done(DateTime<Utc>, Arc<AuditReport>),
    /// Because of an error.
    Failed,
    /// Because it took too long.
    TimedOut,
}

impl Run {
    /// The number of pages of events that were verified.
    pub(crate) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn end(&self) -> Option<End> {
        self.end.lock().clone()
    }

    fn is_running(&self) -> bool {
        self.end.lock().is_none()
    }
}

/// Begins a verification of the trail of the caller's organization, unless one is running.
///
/// # Errors
/// [`VaultError::Unavailable`] if too many are running.
pub(crate) fn begin(vault: &Arc<Vault>, caller: &Caller) -> Result<Arc<Run>, VaultError> {
    let mut runs = RUNS.lock();
    if let Some(run) = runs.get(&caller.org()).filter(|run| run.is_running()) {
        return Ok(run.clone());
    }
    if runs.values().filter(|run| run.is_running()).count() >= MAX_RUNNING {
        let why = "too many verifications of audit trails are running";
        return Err(VaultError::Unavailable(why.into()));
    }
    while runs.len() >= MAX_KEPT {
        let ended = runs.iter().filter(|(_, run)| !run.is_running());
        let oldest = ended.min_by_key(|(_, run)| run.started_at);
        let Some(oldest) = oldest.map(|(org, _)| *org) else {
            break;
        };
        runs.remove(&oldest);
    }
    let run = Arc::new(Run {
        started_at: vault.now(),
        pages: AtomicU64::new(0),
        end: Mutex::new(None),
    });
    runs.insert(caller.org(), run.clone());
    actix_web::rt::spawn(verify(Ending(run.clone()), vault.clone(), caller.clone()));
    Ok(run)
}

/// The last verification of `org` on this server.
pub(crate) fn last(org: OrgId) -> Option<Arc<Run>> {
    RUNS.lock().get(&org).cloned()
}

/// Notes that a verification has ended, also if its task is dropped.
struct Ending(Arc<Run>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end.lock().get_or_insert(End::Failed);
    }
}

async fn verify(ending: Ending, vault: Arc<Vault>, caller: Caller) {
    let kept = KeptHeads::default();
    let mut progress = Progress(ending.0.clone());
    let verified = vault.verify_audit(&caller, &kept, &mut progress);
    let end = match tokio::time::timeout(TIME_LIMIT, verified).await {
        Ok(Ok(report)) => End::Done(vault.now(), Arc::new(report)),
        Ok(Err(error)) => {
            tracing::warn!(org = %caller.org(), %error, "a verification of a trail failed");
            End::Failed
        }
        Err(_) => End::TimedOut,
    };
    *ending.0.end.lock() = Some(end);
}

struct Progress(Arc<Run>);

#[async_trait]
impl Pace for Progress {
    async fn page_verified(&mut self) {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}
