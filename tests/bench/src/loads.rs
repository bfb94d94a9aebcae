//! Single measurements: wrk on the server, pgbench on the baseline.

use std::fmt;
use std::time::Duration;

use crate::Result;
use crate::baseline::{self, PgbenchResult, Script};
use crate::bench::Bench;
use crate::dataset::{Dataset, Size};
use crate::load::{Load, LoadResult};
use crate::server::Server;

/// The largest number of different requests in a load.
const REQUESTS: usize = 50_000;
/// Connections at full load.
pub(crate) const CONNECTIONS: usize = 64;
const LIST_CONNECTIONS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Reveal,
    List,
}

/// A load on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) size: Size,
    pub(crate) action: Action,
    pub(crate) connections: usize,
    /// The number of organizations that the requests are spread over.
    pub(crate) orgs: usize,
}

impl Workload {
    /// Full load, spread over all organizations.
    pub(crate) const fn full(size: Size, action: Action) -> Self {
        Self {
            size,
            action,
            connections: match action {
                Action::List => LIST_CONNECTIONS,
                Action::Create | Action::Reveal => CONNECTIONS,
            },
            orgs: size.orgs(),
        }
    }

    pub(crate) const fn connections(self, connections: usize) -> Self {
        Self {
            connections,
            ..self
        }
    }

    pub(crate) const fn orgs(self, orgs: usize) -> Self {
        Self { orgs, ..self }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Create => "create",
            Action::Reveal => "reveal",
            Action::List => "list",
        };
        let (size, orgs) = (self.size.name(), self.orgs);
        let connections = self.connections;
        write!(
            f,
            "wrk {action}, {size} database, {orgs} organizations, {connections} connections"
        )
    }
}

/// A finished load of creates, compared with the database at the end.
pub(crate) struct CreateRun {
    pub(crate) size: Size,
    pub(crate) answered: u64,
    pub(crate) sent: u64,
}

impl Bench<'_> {
    /// The highest rate of a script with one of these numbers of clients.
    pub(crate) fn best(&self, file: &'static str, clients: &[usize]) -> Result<f64> {
        let mut best: f64 = 0.0;
        for &clients in clients {
            best = best.max(self.pgbench(Script { file, clients })?.rate);
        }
        Ok(best)
    }

    pub(crate) fn pgbench(&self, script: Script) -> Result<PgbenchResult> {
        let threads = self.threads.of(script, script.clients);
        baseline::run(&self.environment, script, threads, self.args.seconds)
    }

    /// A script whose transactions begin at `rate` per second.
    pub(crate) fn pgbench_paced(&self, script: Script, rate: f64) -> Result<PgbenchResult> {
        let threads = self.threads.of(script, script.clients);
        baseline::run_paced(&self.environment, script, threads, self.args.seconds, rate)
    }

    pub(crate) fn run(&mut self, server: &Server, workload: Workload) -> Result<LoadResult> {
        self.run_paced(server, workload, 0)
    }

    /// A run whose connections pause between requests: `think` milliseconds on average.
    pub(crate) fn run_paced(
        &mut self,
        server: &Server,
        workload: Workload,
        think: u32,
    ) -> Result<LoadResult> {
        let load = Load {
            think,
            ..self.load(server, workload)
        };
        self.send(workload, &load)
    }

    pub(crate) fn load<'s>(&self, server: &'s Server, workload: Workload) -> Load<'s> {
        Load {
            url: &server.url,
            connections: workload.connections,
            threads: self.threads.of(workload, workload.connections),
            seconds: self.args.seconds,
            think: 0,
            gate: self.environment.path("gate"),
        }
    }

    /// Sends a workload's requests with the settings of `load`.
    pub(crate) fn send(&mut self, workload: Workload, load: &Load<'_>) -> Result<LoadResult> {
        let dataset = self.dataset(workload.size)?;
        let file = self.environment.path("requests");
        match workload.action {
            Action::Create => {
                dataset.callers_file(&file, workload.orgs)?;
                let result = load.create(&file, &format!("r{}", self.creates.len()))?;
                self.creates.push(CreateRun {
                    size: workload.size,
                    answered: result.answered,
                    sent: result.sent.ok_or("the number of requests is missing")?,
                });
                Ok(result)
            }
            Action::Reveal => {
                dataset.reveals_file(&file, REQUESTS, workload.orgs)?;
                load.get(&file)
            }
            Action::List => {
                dataset.lists_file(&file)?;
                load.get(&file)
            }
        }
    }

    fn dataset(&self, size: Size) -> Result<&Dataset> {
        match size {
            Size::Small => Ok(&self.small),
            Size::Large => Ok(self.large.as_ref().ok_or("there is no large database")?),
        }
    }
}

/// The pause of each connection at full load with which all send half of the rate `top`, in
/// milliseconds.
pub(crate) fn think(top: f64) -> u32 {
    let pause = Duration::from_secs_f64(CONNECTIONS as f64 / (top / 2.0));
    u32::try_from(pause.as_millis()).unwrap_or(u32::MAX).max(1)
}
