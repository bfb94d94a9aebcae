//! The number of threads of the load generators, chosen by a calibration before the first round.

use serde::Serialize;

use crate::Result;
use crate::baseline::{self, Script};
use crate::bench::{Bench, wants};
use crate::dataset::Size;
use crate::load::Load;
use crate::loads::{Action, Workload};

/// The choice for one load.
#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    /// The generator and its load.
    pub(crate) load: String,
    /// The faster number of threads.
    pub(crate) threads: usize,
    /// The mean rates with one and with two threads.
    pub(crate) rates: [f64; 2],
}

/// The choices so far.
#[derive(Debug)]
pub(crate) struct Threads {
    /// Given by the user for all loads: nothing is calibrated.
    fixed: Option<usize>,
    pub(crate) choices: Vec<Choice>,
}

impl Threads {
    pub(crate) const fn new(fixed: Option<usize>) -> Self {
        Self {
            fixed,
            choices: Vec::new(),
        }
    }

    /// The number of threads for a load with so many connections.
    pub(crate) fn of(&self, load: impl ToString, connections: usize) -> usize {
        let load = load.to_string();
        let choice = self.choices.iter().find(|choice| choice.load == load);
        let threads = self.fixed.or(choice.map(|choice| choice.threads));
        threads.unwrap_or(1).clamp(1, connections)
    }

    // Runs with one and with two threads by turns.
    fn choose(
        &mut self,
        load: impl ToString,
        mut rate: impl FnMut(usize) -> Result<f64>,
    ) -> Result<()> {
        let mut rates = [0.0; 2];
        for threads in [1, 2, 2, 1] {
            rates[threads - 1] += rate(threads)? / 2.0;
        }
        let choice = Choice {
            load: load.to_string(),
            threads: if rates[1] > rates[0] { 2 } else { 1 },
            rates,
        };
        let [one, two] = rates;
        eprintln!(
            "{}: {one:.0}/s with 1 thread, {two:.0}/s with 2",
            choice.load
        );
        self.choices.push(choice);
        Ok(())
    }
}

impl Bench<'_> {
    /// Chooses the number of threads for every load of the selected groups that has more than one
    /// connection.
    pub(crate) async fn calibrate(&mut self) -> Result<()> {
        if self.threads.fixed.is_some() {
            return Ok(());
        }
        let seconds = self.args.seconds.div_ceil(2);
        let mut threads = Threads::new(None);
        for script in scripts(&self.args.only) {
            threads.choose(script, |threads| {
                Ok(baseline::run(&self.environment, script, threads, seconds)?.rate)
            })?;
        }
        for size in [Size::Small, Size::Large] {
            let workloads = workloads(&self.args.only, size);
            if workloads.is_empty() {
                continue;
            }
            let server = match size {
                Size::Small => self.server(size).await?,
                Size::Large => self.warm_server().await?,
            };
            for workload in workloads {
                // The first run is slower whatever the number of threads.
                self.send(workload, &self.load(&server, workload))?;
                threads.choose(workload, |threads| {
                    let load = Load {
                        threads,
                        seconds,
                        ..self.load(&server, workload)
                    };
                    Ok(self.send(workload, &load)?.rate)
                })?;
            }
        }
        self.threads = threads;
        Ok(())
    }
}

/// The baseline's scripts with more than one client, by group.
fn scripts(only: &[String]) -> Vec<Script> {
    let groups: [(&[&str], &'static str, &[usize]); 6] = [
        (&["create"], "create.sql", &[8, 32]),
        (&["create", "tail"], "create.sql", &[64]),
        (&["create", "cpu"], "create50.sql", &[8]),
        (&["reveal"], "reveal.sql", &[8, 32]),
        (&["reveal", "tail"], "reveal.sql", &[64]),
        (&["list"], "list.sql", &[8, 16, 32]),
    ];
    let is_wanted = |groups: &[&str]| groups.iter().any(|group| wants(only, group));
    let selected = groups.into_iter().filter(|(groups, ..)| is_wanted(groups));
    selected
        .flat_map(|(_, file, clients)| clients.iter().map(move |&clients| Script { file, clients }))
        .collect()
}

/// The workloads on a database with more than one connection.
fn workloads(only: &[String], size: Size) -> Vec<Workload> {
    let [create, reveal, list] =
        [Action::Create, Action::Reveal, Action::List].map(|action| Workload::full(size, action));
    let groups = match size {
        Size::Small => vec![
            (create, vec!["create", "tail", "cpu", "scale"]),
            (reveal, vec!["reveal", "tail", "cpu", "relay", "scale"]),
            (list, vec!["list", "scale"]),
        ],
        Size::Large => vec![
            (create, vec!["scale"]),
            (reveal, vec!["scale"]),
            (list, vec!["scale"]),
            (create.orgs(1000), vec!["hot"]),
            (create.orgs(1), vec!["hot"]),
            (reveal.orgs(1000), vec!["hot"]),
            (reveal.orgs(1), vec!["hot"]),
        ],
    };
    let is_wanted = |groups: &[&str]| groups.iter().any(|group| wants(only, group));
    let selected = groups.into_iter().filter(|(_, groups)| is_wanted(groups));
    selected.map(|(workload, _)| workload).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_number_of_threads_is_chosen() {
        let mut threads = Threads::new(None);
        threads
            .choose("two", |threads| Ok(100.0 * threads as f64))
            .unwrap();
        threads
            .choose("one", |threads| Ok(100.0 / threads as f64))
            .unwrap();
        assert_eq!(threads.choices[0].rates, [100.0, 200.0]);
        assert_eq!((threads.of("two", 64), threads.of("one", 64)), (2, 1));
        assert_eq!((threads.of("two", 1), threads.of("unknown", 64)), (1, 1));
        assert_eq!(Threads::new(Some(2)).of("any", 64), 2);
    }

    #[test]
    fn selected_groups_alone_are_calibrated() {
        let only = ["hot".to_owned()];
        assert!(scripts(&only).is_empty());
        assert!(workloads(&only, Size::Small).is_empty());
        assert_eq!(workloads(&only, Size::Large).len(), 4);
        assert_eq!(scripts(&[]).len(), 10);
        assert_eq!(workloads(&[], Size::Small).len(), 3);
    }
}
