//! Processor time, from Linux's `/proc` (proc_pid_stat(5), proc_stat(5)).

use std::fs::{read_dir, read_to_string};

use crate::Result;
use crate::baseline::Script;
use crate::bench::Bench;
use crate::loads::Workload;
use crate::rounds::{CREATE, GROUP, REVEAL};
use crate::server::Server;

/// The unit of times in `/proc`, in seconds: USER_HZ is 100 on all processors that Debian runs on.
const TICK: f64 = 0.01;
/// The positions in `/proc/PID/stat` after the name of the program.
const PARENT: usize = 1;
const OWN_TIMES: [usize; 2] = [11, 12];
const TIMES_OF_ENDED_CHILDREN: [usize; 2] = [13, 14];

/// What was taken up to a moment, in seconds of one processor.
#[derive(Debug, Clone, Copy)]
struct Taken {
    server: f64,
    postgres: f64,
    idle: f64,
    all: f64,
}

impl Taken {
    fn now(server: u32, postmaster: u32) -> Result<Self> {
        let [idle, all] = machine()?;
        Ok(Self {
            server: sum(&stat(server)?, OWN_TIMES),
            postgres: of_cluster(postmaster)?,
            idle,
            all,
        })
    }

    fn since(self, begin: Self) -> Self {
        Self {
            server: self.server - begin.server,
            postgres: self.postgres - begin.postgres,
            idle: self.idle - begin.idle,
            all: self.all - begin.all,
        }
    }
}

// The name of a program is in parentheses, and may contain any other character.
fn stat(pid: u32) -> Result<Vec<f64>> {
    let text = read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = text.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?.1;
    let numbers = fields.split_whitespace().map(str::parse);
    Ok(numbers.map(|number| number.unwrap_or(f64::NAN)).collect())
}

fn sum(stat: &[f64], positions: [usize; 2]) -> f64 {
    positions.iter().map(|at| stat[*at]).sum::<f64>() * TICK
}

// A connection has a process of its own, whose time goes to the postmaster when it ends.
fn of_cluster(postmaster: u32) -> Result<f64> {
    let own = stat(postmaster)?;
    let mut taken = sum(&own, OWN_TIMES) + sum(&own, TIMES_OF_ENDED_CHILDREN);
    for entry in read_dir("/proc")? {
        let pid = entry?.file_name().to_string_lossy().parse();
        // A process may end meanwhile.
        let Some(child) = pid.ok().and_then(|pid| stat(pid).ok()) else {
            continue;
        };
        if child[PARENT] == f64::from(postmaster) {
            taken += sum(&child, OWN_TIMES);
        }
    }
    Ok(taken)
}

/// The idle time of the machine, and all of its time.
fn machine() -> Result<[f64; 2]> {
    let text = read_to_string("/proc/stat")?;
    let line = text.lines().next().ok_or("/proc/stat is empty")?;
    let numbers = line.split_whitespace().skip(1).take(8);
    let ticks: Vec<f64> = numbers
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let [idle, waiting] = [ticks[3], ticks[4]];
    Ok([(idle + waiting) * TICK, ticks.iter().sum::<f64>() * TICK])
}

impl Bench<'_> {
    /// The times of the server and of PostgreSQL per create, and how much of the machine is idle.
    pub(crate) fn cpu(&mut self, server: &Server) -> Result<()> {
        let health = self.taken(server, |bench| {
            let requests = bench.environment.path("requests");
            std::fs::write(&requests, "none none /healthz\n")?;
            Ok(bench.load(server, REVEAL).get(&requests)?.answered as f64)
        })?;
        let group = Script {
            file: "create50.sql",
            clients: 8,
        };
        let rows = self.taken(server, |bench| {
            Ok(bench.pgbench(group)?.transactions * GROUP)
        })?;
        let create = self.answered(server, CREATE)?;
        let reveal = self.answered(server, REVEAL)?;
        let micros = |taken: f64, count: f64| taken / count * 1_000_000.0;
        let mut ratio = |figure, ours, theirs| self.rounds_of(figure).ratio(ours, theirs);
        ratio(
            "server_cpu",
            micros(create.0.server, create.1),
            micros(health.0.server, health.1),
        );
        ratio(
            "postgres_cpu",
            micros(create.0.postgres, create.1),
            micros(rows.0.postgres, rows.1),
        );
        for (figure, (taken, _)) in [("create_idle", create), ("reveal_idle", reveal)] {
            let share = taken.idle / taken.all * 100.0;
            self.rounds_of(figure).values.push(share);
        }
        Ok(())
    }

    fn answered(&mut self, server: &Server, workload: Workload) -> Result<(Taken, f64)> {
        self.taken(server, |bench| {
            Ok(bench.run(server, workload)?.answered as f64)
        })
    }

    /// What `work` takes, and what it returns: the number of its requests or rows.
    fn taken(
        &mut self,
        server: &Server,
        work: impl FnOnce(&mut Self) -> Result<f64>,
    ) -> Result<(Taken, f64)> {
        let postmaster = self.environment.postmaster();
        let begin = Taken::now(server.pid(), postmaster)?;
        let count = work(self)?;
        let taken = Taken::now(server.pid(), postmaster)?.since(begin);
        Ok((taken, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_this_process_is_read() {
        let begin = Taken::now(std::process::id(), 1).unwrap();
        let mut number = 1_u64;
        while sum(&stat(std::process::id()).unwrap(), OWN_TIMES) < begin.server + 2.0 * TICK {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        let taken = Taken::now(std::process::id(), 1).unwrap().since(begin);
        assert!(taken.server >= 2.0 * TICK, "{taken:?}");
        assert!(taken.all >= taken.server, "{taken:?}");
    }
}
