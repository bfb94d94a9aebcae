//! Single measurements: ours by the load generator, the baseline's by pgbench.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;
use crate::baseline::{self, Data, Ran};
use crate::load::{Load, Seen};
use crate::rounds::{Bench, EACH};
use crate::server::Server;
use crate::stage::Base;

/// Most different requests that a load sends.
const REQUESTS: usize = 50_000;
/// Connections under full load.
pub(crate) const MANY: usize = 64;

impl Bench<'_> {
    /// The most transactions per second that pgbench reaches with one of these numbers of clients.
    pub(crate) fn best(&self, script: &str, clients: &[usize]) -> Result<f64> {
        let mut best: f64 = 0.0;
        for clients in clients {
            best = best.max(self.pgbench(script, *clients)?.rate);
        }
        Ok(best)
    }

    pub(crate) fn pgbench(&self, script: &str, clients: usize) -> Result<Ran> {
        let data = Data {
            orgs: 100,
            rows: 100 * EACH,
        };
        baseline::run(&self.stage, script, clients, self.args.seconds, data)
    }

    /// Creates as the first `writers` organizations that create.
    pub(crate) fn creates(
        &mut self,
        server: &Server,
        base: &str,
        connections: usize,
        think: u32,
        writers: usize,
    ) -> Result<Seen> {
        self.runs += 1;
        let file = self.stage.path("callers");
        let known = &self.base(base).writers;
        Base::callers_file(&file, &known[..writers.min(known.len())])?;
        let answers = self.answers(base, self.runs);
        let load = self.load(server, connections, think);
        succeeded(load.create(&file, &format!("r{}", self.runs), &answers)?)
    }

    /// Reveals credentials of the first `callers` organizations that have some.
    pub(crate) fn reveals(
        &self,
        server: &Server,
        base: &str,
        connections: usize,
        think: u32,
        callers: usize,
    ) -> Result<Seen> {
        let requests = self.reveals_file(base, callers)?;
        succeeded(self.load(server, connections, think).get(&requests)?)
    }

    pub(crate) fn lists(&self, server: &Server, base: &str) -> Result<Seen> {
        let requests = self.stage.path("lists");
        self.base(base).lists_file(&requests)?;
        succeeded(self.load(server, 16, 0).get(&requests)?)
    }

    pub(crate) fn reveals_file(&self, base: &str, callers: usize) -> Result<PathBuf> {
        let requests = self.stage.path("reveals");
        self.base(base).reveals_file(&requests, REQUESTS, callers)?;
        Ok(requests)
    }

    /// Where the ids go that a run of creates was answered.
    pub(crate) fn answers(&self, base: &str, run: usize) -> PathBuf {
        self.stage.path(&format!("answers-{base}-{run}"))
    }

    fn base(&self, name: &str) -> &Base {
        match (&self.large, name) {
            (Some(large), "large") => large,
            _ => &self.small,
        }
    }

    fn load<'s>(&self, server: &'s Server, connections: usize, think: u32) -> Load<'s> {
        let seconds = self.args.seconds;
        Load {
            url: &server.url,
            connections,
            seconds,
            think,
        }
    }
}

/// What each of many connections waits so that all together send half of `top`, in milliseconds.
pub(crate) fn think(top: f64) -> u32 {
    let pause = Duration::from_secs_f64(MANY as f64 / (top / 2.0));
    u32::try_from(pause.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// Refuses a run in which a request failed.
pub(crate) fn succeeded(seen: Seen) -> Result<Seen> {
    if seen.errors == 0 {
        Ok(seen)
    } else {
        Err(format!("{} requests failed", seen.errors).into())
    }
}
