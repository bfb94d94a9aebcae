//! Verifications of audit trails that were started from a page.
//!
//! They run in the process that received the form, at most one for the keys of each
//! organization, and end with it. The last result of an organization is kept there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use strongroom_domain::audit::kept::KeptHeads;
use strongroom_domain::caller::Caller;
use strongroom_domain::ports::scrub::Pace;
use strongroom_domain::{AuditReport, OrgId, Vault};

/// Verifications that run at the same time.
const MAX_RUNNING: usize = 4;
/// Organizations whose last result is kept.
const MAX_KEPT: usize = 1000;
/// Between two verifications of one trail.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// The longest time of a verification.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(900);

/// The last verification of each organization.
type Runs = BTreeMap<OrgId, Arc<Run>>;

static RUNS: LazyLock<Mutex<Runs>> = LazyLock::new(Mutex::default);

/// A verification.
pub(crate) struct Run {
    /// Its beginning, by which its page names it.
    pub(crate) started_at: DateTime<Utc>,
    /// The organization of the key that started it.
    home: OrgId,
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
    /// At this time, because it took too long.
    TimedOut(DateTime<Utc>),
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

    fn ended_at(&self) -> Option<DateTime<Utc>> {
        match *self.end.lock() {
            Some(End::Done(at, _) | End::TimedOut(at)) => Some(at),
            Some(End::Failed) | None => None,
        }
    }

    fn is_running(&self) -> bool {
        self.end.lock().is_none()
    }
}

/// Whether a verification of a trail can begin.
pub(crate) enum Slot {
    /// It can.
    Free(Reserved),
    /// One of this trail is running.
    Running(Arc<Run>),
    /// One of this trail ended less than [`PAUSE`] ago.
    Recent(Arc<Run>),
    /// Others are running.
    Busy,
}

/// A verification that is about to begin. If it is dropped, it has failed.
pub(crate) struct Reserved(Ending);

impl Reserved {
    /// Begins the verification of the trail of the caller's organization.
    pub(crate) fn begin(self, vault: Arc<Vault>, caller: Caller) -> Arc<Run> {
        let run = self.0.0.clone();
        actix_web::rt::spawn(verify(self.0, vault, caller));
        run
    }
}

/// Reserves a verification of the trail of the caller's organization at the time `now`.
pub(crate) fn slot(caller: &Caller, now: DateTime<Utc>) -> Slot {
    reserve(&mut RUNS.lock(), caller.org(), caller.home(), now)
}

fn reserve(runs: &mut Runs, org: OrgId, home: OrgId, now: DateTime<Utc>) -> Slot {
    match runs.get(&org) {
        Some(run) if run.is_running() => return Slot::Running(run.clone()),
        Some(run) if run.ended_at().is_some_and(|at| now - at < PAUSE) => {
            return Slot::Recent(run.clone());
        }
        _ => (),
    }
    let running = || runs.values().filter(|run| run.is_running());
    if running().count() >= MAX_RUNNING || running().any(|run| run.home == home) {
        return Slot::Busy;
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
        started_at: now,
        home,
        pages: AtomicU64::new(0),
        end: Mutex::new(None),
    });
    runs.insert(org, run.clone());
    Slot::Free(Reserved(Ending(run)))
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
        Err(_) => End::TimedOut(vault.now()),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn org(number: u8) -> OrgId {
        let text = format!("0190a1b2-0000-7000-8000-0000000000{number:02}");
        OrgId::parse(&text).unwrap()
    }

    fn word(slot: &Slot) -> &'static str {
        match slot {
            Slot::Free(_) => "free",
            Slot::Running(_) => "running",
            Slot::Recent(_) => "recent",
            Slot::Busy => "busy",
        }
    }

    #[test]
    fn each_home_organization_has_one_slot() {
        let (mut runs, now) = (Runs::new(), DateTime::UNIX_EPOCH);
        let mut slot = |trail, home| reserve(&mut runs, org(trail), org(home), now);
        let first = slot(1, 1);
        assert_eq!(word(&first), "free");
        assert_eq!(word(&slot(1, 1)), "running");
        assert_eq!(word(&slot(2, 1)), "busy");
        let others: Vec<_> = (3..6).map(|other| slot(other, other)).collect();
        assert!(others.iter().all(|other| word(other) == "free"));
        assert_eq!(word(&slot(6, 6)), "busy");
        // One that never began leaves its slot.
        drop(first);
        assert_eq!(word(&slot(2, 1)), "free");
    }

    #[test]
    fn a_trail_rests_for_a_minute() {
        let (mut runs, now) = (Runs::new(), DateTime::UNIX_EPOCH);
        let mut slot = |seconds| {
            let at = now + TimeDelta::seconds(seconds);
            reserve(&mut runs, org(1), org(1), at)
        };
        let Slot::Free(reserved) = slot(0) else {
            panic!("busy")
        };
        *reserved.0.0.end.lock() = Some(End::TimedOut(now));
        assert_eq!(word(&slot(59)), "recent");
        assert_eq!(word(&slot(60)), "free");
    }
}
