//! What is wrong with a server's surroundings now: told once when it begins and once when it ends, however many
//! requests it hits, and counted all the while.

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::health::count::Count;

/// How long a trouble must not have shown before a success ends it: some requests may still succeed meanwhile.
const QUIET: Duration = Duration::from_secs(1);

macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $says:literal;)+) => {
        /// Something that keeps requests from being answered, or a server from doing its other work.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Condition {
            $($(#[$doc])* $variant,)+
        }

        impl Condition {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// What metrics and logs call it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)+ }
            }
        }
    };
}

conditions! {
    /// No connection can be made.
    Unreachable = "unreachable", "the database cannot be reached";
    /// It starts, stops, or has ended this session.
    Restarting = "restarting", "the database is starting or shutting down";
    /// All of its connections are taken.
    TooManyConnections = "too_many_connections", "the database has no connection left for this server";
    /// It does not let this server in.
    Denied = "denied", "the database refuses this server";
    /// An established connection broke.
    ConnectionLost = "connection_lost", "a connection to the database broke";
    /// It does not answer in time.
    Slow = "slow", "the database does not answer in time";
    /// This server's pool has no free connection in time.
    PoolExhausted = "pool_exhausted", "no connection of the pool became free in time";
    /// It takes no writes.
    ReadOnly = "read_only", "the database takes no writes";
    /// It has no room left.
    DiskFull = "disk_full", "the database's disk is full";
    /// It lacks memory or something else that it needs.
    Exhausted = "exhausted", "the database lacks resources";
    /// One of its parts is away.
    PartAway = "part_away", "part of the database is away";
    /// It refuses a statement that it should take.
    StatementFailed = "statement_failed", "the database refuses a statement: a defect, or tables that were changed";
    /// A queue in front of the database is full.
    QueueFull = "queue_full", "requests are refused, since too many wait for the database";
    /// Root keys cannot be read, or one that is needed is missing.
    RootKeys = "root_keys", "a root key is missing, or root keys cannot be read";
    /// Refused requests cannot be recorded.
    AuditUnrecorded = "audit_unrecorded", "refused requests cannot be recorded in the audit trail";
    /// A trace collector does not take spans.
    TraceExport = "trace_export", "spans cannot be sent to the trace collector";
}

impl Condition {
    /// Whether it is one of a database, and not of the server itself.
    #[must_use]
    pub fn is_of_database(self) -> bool {
        (self as usize) < Self::QueueFull as usize
    }
}

const COUNT: usize = Condition::ALL.len();
const _: () = assert!(COUNT <= 32, "a bit for each");

/// Troubles that an answered read does not disprove: only a write does.
const OF_WRITES: u32 =
    bit(Condition::ReadOnly) | bit(Condition::DiskFull) | bit(Condition::StatementFailed);

const fn bit(condition: Condition) -> u32 {
    1 << condition as u32
}

/// The troubles of one thing.
#[derive(Debug)]
pub struct Conditions {
    of: &'static str,
    /// A bit for each that is there, so that a success without any costs one look.
    present: AtomicU32,
    episodes: Mutex<[Option<Episode>; COUNT]>,
    failures: [Count; COUNT],
}

#[derive(Debug, Clone, Copy)]
struct Episode {
    since: Instant,
    last: Instant,
    failures: u64,
}

impl Conditions {
    /// None yet, of what logs call `of`.
    #[must_use]
    pub fn of(of: &'static str) -> Self {
        Self {
            of,
            present: AtomicU32::new(0),
            episodes: Mutex::default(),
            failures: Default::default(),
        }
    }

    /// Notes that `trouble` showed itself. The first time it is logged with its cause.
    pub fn note(&self, condition: Condition, cause: impl Display) {
        self.note_at(condition, cause, Instant::now());
    }

    /// Notes a read that succeeded: what it disproves and has not shown for a while is over.
    pub fn read_succeeded(&self) {
        self.over(!OF_WRITES);
    }

    /// The same for a write.
    pub fn write_succeeded(&self) {
        self.over(u32::MAX);
    }

    /// Notes that `trouble` is not there.
    pub fn absent(&self, condition: Condition) {
        self.over(bit(condition));
    }

    /// Each trouble with whether it is there, and how often it has shown.
    pub fn all(&self) -> impl Iterator<Item = (Condition, bool, u64)> {
        let present = self.present.load(Ordering::Relaxed);
        let counted = Condition::ALL.iter().zip(&self.failures);
        counted.map(move |(condition, failures)| {
            (*condition, present & bit(*condition) != 0, failures.get())
        })
    }

    fn note_at(&self, condition: Condition, cause: impl Display, now: Instant) {
        let place = condition as usize;
        self.failures[place].add(1);
        let mut episodes = self.episodes();
        if let Some(episode) = &mut episodes[place] {
            episode.last = now;
            episode.failures += 1;
            return;
        }
        episodes[place] = Some(Episode {
            since: now,
            last: now,
            failures: 1,
        });
        self.present.fetch_or(bit(condition), Ordering::Relaxed);
        drop(episodes);
        let (of, name) = (self.of, condition.name());
        tracing::error!(condition = name, of, %cause, "{}", condition.says());
    }

    fn over(&self, which: u32) {
        if self.present.load(Ordering::Relaxed) & which != 0 {
            self.over_at(which, Instant::now());
        }
    }

    fn over_at(&self, which: u32, now: Instant) {
        let mut episodes = self.episodes();
        for condition in Condition::ALL {
            let place = &mut episodes[*condition as usize];
            let quiet = |episode: &mut Episode| now - episode.last >= QUIET;
            if which & bit(*condition) == 0 {
                continue;
            }
            if let Some(ended) = place.take_if(quiet) {
                self.present.fetch_and(!bit(*condition), Ordering::Relaxed);
                let seconds = (now - ended.since).as_secs();
                let (of, name, failures) = (self.of, condition.name(), ended.failures);
                tracing::info!(
                    condition = name,
                    of,
                    seconds,
                    failures,
                    "over: {}",
                    condition.says()
                );
            }
        }
    }

    fn episodes(&self) -> MutexGuard<'_, [Option<Episode>; COUNT]> {
        self.episodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(conditions: &Conditions) -> Vec<Condition> {
        let there = conditions.all().filter(|(_, there, _)| *there);
        there.map(|(condition, ..)| condition).collect()
    }

    #[test]
    fn a_success_ends_what_it_disproves_once_that_is_quiet() {
        let conditions = Conditions::of("test");
        let start = Instant::now();
        conditions.note_at(Condition::Unreachable, "a", start);
        conditions.note_at(Condition::ReadOnly, "b", start);
        conditions.over_at(u32::MAX, start + QUIET / 2);
        assert_eq!(
            present(&conditions),
            [Condition::Unreachable, Condition::ReadOnly]
        );
        conditions.over_at(!OF_WRITES, start + QUIET);
        assert_eq!(present(&conditions), [Condition::ReadOnly]);
        conditions.note_at(Condition::ReadOnly, "b", start + QUIET);
        conditions.over_at(u32::MAX, start + QUIET);
        assert_eq!(present(&conditions), [Condition::ReadOnly]);
        conditions.over_at(u32::MAX, start + 2 * QUIET);
        assert_eq!(present(&conditions), []);
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
        assert_eq!(names.len(), COUNT);
    }
}
