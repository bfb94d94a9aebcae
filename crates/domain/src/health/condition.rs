//! Conditions of a server's environment, such as an unreachable database. Each condition is logged
//! when it begins and when it ends, and every occurrence is counted.

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::health::count::Count;

/// The time without an occurrence after which a success ends a condition. Until then, some requests
/// may succeed although the condition persists.
const QUIET_PERIOD: Duration = Duration::from_secs(1);

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $message:literal;)+) => {
        /// A condition that prevents responses or background work.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Condition {
            $($(#[$doc])* $variant,)+
        }

        impl Condition {
            /// All conditions.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in metrics and logs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What prevents responses or work, in words.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

conditions! {
    /// No connection can be established.
    Unreachable = "unreachable", "the database cannot be reached";
    /// The database starts or stops, or has terminated this session.
    Restarting = "restarting", "the database is starting or shutting down";
    /// All connections of the database are in use.
    TooManyConnections = "too_many_connections",
        "the database has no free connection for this server";
    /// The database denies access to this server.
    Denied = "denied", "the database denies access to this server";
    /// An established connection broke.
    ConnectionLost = "connection_lost", "a connection to the database broke";
    /// The database does not answer in time.
    Slow = "slow", "the database does not answer in time";
    /// No connection of this server's pool became free in time.
    PoolExhausted = "pool_exhausted", "no connection of the pool became free in time";
    /// The database accepts no writes.
    ReadOnly = "read_only", "the database accepts no writes";
    /// The database's disk is full.
    DiskFull = "disk_full", "the database's disk is full";
    /// The database lacks memory or another resource.
    Exhausted = "exhausted", "the database lacks resources";
    /// A part of the database is unavailable.
    PartAway = "part_away", "part of the database is unavailable";
    /// The database rejects a statement that is expected to succeed.
    StatementFailed = "statement_failed",
        "the database rejects a statement because of a defect or an altered table";
    /// A queue in front of the database is full.
    QueueFull = "queue_full", "requests are refused because too many wait for the database";
    /// Root keys cannot be read, or a required one is missing.
    RootKeys = "root_keys", "a root key is missing, or root keys cannot be read";
    /// Refused requests cannot be recorded.
    AuditUnrecorded = "audit_unrecorded", "refused requests cannot be recorded in the audit trail";
    /// A trace collector rejects spans.
    TraceExport = "trace_export", "spans cannot be sent to the trace collector";
    /// The last verification of all audit trails in the background had findings.
    AuditAltered = "audit_altered", "an audit trail does not verify";
    /// Audit events that this server committed are gone. Ends with the process, since nothing that
    /// the server does brings them back.
    AuditRolledBack = "audit_rolled_back",
        "audit events that this server committed are gone from the database";
    /// The rows of root keys differ from the trail of the installation.
    RootKeysRolledBack = "root_keys_rolled_back",
        "the root keys are not those in the audit trail of the installation";
    /// A host to which credentials are sent does not answer.
    UpstreamAway = "upstream_away", "an upstream does not answer requests with credentials";
}

impl Condition {
    /// Whether the condition concerns a database, and not the server itself.
    #[must_use]
    pub fn is_of_database(self) -> bool {
        (self as usize) < Self::QueueFull as usize
    }
}

const CONDITIONS: usize = Condition::ALL.len();
const _: () = assert!(CONDITIONS <= 32, "one bit per condition");

/// Conditions that only a successful write ends, not a successful read.
const ENDED_BY_WRITES: u32 =
    bit(Condition::ReadOnly) | bit(Condition::DiskFull) | bit(Condition::StatementFailed);

const fn bit(condition: Condition) -> u32 {
    1 << condition as u32
}

/// A condition that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveCondition {
    /// The condition.
    pub condition: Condition,
    /// The component: `server`, or the database `primary` or `region`.
    pub of: &'static str,
    /// The time since it began.
    pub duration: Duration,
    /// The number of its occurrences since then.
    pub occurrences: u64,
}

/// The conditions of one component.
#[derive(Debug)]
pub struct Conditions {
    of: &'static str,
    /// One bit per active condition, so that a success without active conditions costs one load.
    active: AtomicU32,
    episodes: Mutex<[Option<Episode>; CONDITIONS]>,
    failures: [Count; CONDITIONS],
}

#[derive(Debug, Clone, Copy)]
struct Episode {
    since: Instant,
    last: Instant,
    failures: u64,
}

impl Conditions {
    /// No active conditions of the component `of`, the value of the log field of that name.
    #[must_use]
    pub fn of(of: &'static str) -> Self {
        Self {
            of,
            active: AtomicU32::new(0),
            episodes: Mutex::default(),
            failures: Default::default(),
        }
    }

    /// Records an occurrence of `condition`. The first one is logged with its cause.
    pub fn record(&self, condition: Condition, cause: impl Display) {
        self.record_at(condition, cause, Instant::now());
    }

    /// Records a successful read. It ends the conditions that prevent reads and have not occurred
    /// for `QUIET_PERIOD`.
    pub fn read_succeeded(&self) {
        self.end(!ENDED_BY_WRITES);
    }

    /// Records a successful write. It ends all conditions that have not occurred for
    /// `QUIET_PERIOD`.
    pub fn write_succeeded(&self) {
        self.end(u32::MAX);
    }

    /// Records that `condition` was checked and is absent.
    pub fn absent(&self, condition: Condition) {
        self.end(bit(condition));
    }

    /// All conditions, each with its activity and the number of its occurrences.
    pub fn all(&self) -> impl Iterator<Item = (Condition, bool, u64)> {
        let active = self.active.load(Ordering::Relaxed);
        let counted = Condition::ALL.iter().zip(&self.failures);
        counted.map(move |(condition, failures)| {
            (*condition, active & bit(*condition) != 0, failures.get())
        })
    }

    /// The active conditions, each with the time since it began and the number of its occurrences
    /// in this time.
    #[must_use]
    pub fn active(&self) -> Vec<ActiveCondition> {
        let now = Instant::now();
        let episodes = self.episodes.lock();
        let named = Condition::ALL.iter().zip(episodes.iter());
        let active = named.filter_map(|(condition, episode)| {
            let episode = episode.as_ref()?;
            Some(ActiveCondition {
                condition: *condition,
                of: self.of,
                duration: now - episode.since,
                occurrences: episode.failures,
            })
        });
        active.collect()
    }

    fn record_at(&self, condition: Condition, cause: impl Display, now: Instant) {
        let index = condition as usize;
        self.failures[index].add(1);
        let mut episodes = self.episodes.lock();
        if let Some(episode) = &mut episodes[index] {
            episode.last = now;
            episode.failures += 1;
            return;
        }
        episodes[index] = Some(Episode {
            since: now,
            last: now,
            failures: 1,
        });
        self.active.fetch_or(bit(condition), Ordering::Relaxed);
        drop(episodes);
        let (of, name) = (self.of, condition.name());
        tracing::error!(condition = name, of, %cause, "{}", condition.message());
    }

    fn end(&self, which: u32) {
        if self.active.load(Ordering::Relaxed) & which != 0 {
            self.end_at(which, Instant::now());
        }
    }

    fn end_at(&self, which: u32, now: Instant) {
        let mut episodes = self.episodes.lock();
        for condition in Condition::ALL {
            let episode = &mut episodes[*condition as usize];
            let quiet = |episode: &mut Episode| now - episode.last >= QUIET_PERIOD;
            if which & bit(*condition) == 0 {
                continue;
            }
            if let Some(ended) = episode.take_if(quiet) {
                self.active.fetch_and(!bit(*condition), Ordering::Relaxed);
                let seconds = (now - ended.since).as_secs();
                let (of, name, failures) = (self.of, condition.name(), ended.failures);
                tracing::info!(
                    condition = name,
                    of,
                    seconds,
                    failures,
                    "over: {}",
                    condition.message()
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(conditions: &Conditions) -> Vec<Condition> {
        let active = conditions.all().filter(|(_, active, _)| *active);
        active.map(|(condition, ..)| condition).collect()
    }

    #[test]
    fn a_success_ends_conditions_after_the_quiet_period() {
        let conditions = Conditions::of("test");
        let start = Instant::now();
        conditions.record_at(Condition::Unreachable, "a", start);
        conditions.record_at(Condition::ReadOnly, "b", start);
        conditions.end_at(u32::MAX, start + QUIET_PERIOD / 2);
        assert_eq!(
            active(&conditions),
            [Condition::Unreachable, Condition::ReadOnly]
        );
        conditions.end_at(!ENDED_BY_WRITES, start + QUIET_PERIOD);
        assert_eq!(active(&conditions), [Condition::ReadOnly]);
        conditions.record_at(Condition::ReadOnly, "b", start + QUIET_PERIOD);
        conditions.end_at(u32::MAX, start + QUIET_PERIOD);
        assert_eq!(active(&conditions), [Condition::ReadOnly]);
        conditions.end_at(u32::MAX, start + 2 * QUIET_PERIOD);
        assert_eq!(active(&conditions), []);
        let read_only = conditions
            .all()
            .find(|(condition, ..)| *condition == Condition::ReadOnly);
        assert_eq!(read_only.map(|(.., failures)| failures), Some(2));
    }

    #[test]
    fn names_differ() {
        let names: std::collections::BTreeSet<_> = Condition::ALL
            .iter()
            .map(|condition| condition.name())
            .collect();
        assert_eq!(names.len(), CONDITIONS);
    }
}
