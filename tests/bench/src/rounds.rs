//! The measurements of a round: the server and the baseline by turns.

use crate::Result;
use crate::baseline::Script;
use crate::bench::Bench;
use crate::dataset::Size;
use crate::loads::{Action, CONNECTIONS, Workload, think};
use crate::server::Server;

/// Rows per transaction of `create50.sql`.
pub(crate) const GROUP: f64 = 50.0;

pub(crate) const CREATE: Workload = Workload::full(Size::Small, Action::Create);
pub(crate) const REVEAL: Workload = Workload::full(Size::Small, Action::Reveal);
const LIST: Workload = Workload::full(Size::Small, Action::List);

impl Bench<'_> {
    pub(crate) fn create(&mut self, server: &Server) -> Result<()> {
        let best = self.best("create.sql", &[8, 32, 64])?;
        let grouped = Script {
            file: "create50.sql",
            clients: 8,
        };
        let limit = self.pgbench(grouped)?.rate * GROUP;
        let ours = self.run(server, CREATE)?;
        self.rounds_of("create_c64").ratio(ours.rate, best);
        self.rounds_of("create_limit").ratio(ours.rate, limit);
        Ok(())
    }

    pub(crate) fn reveal(&mut self, server: &Server) -> Result<()> {
        let best = self.best("reveal.sql", &[8, 32, 64])?;
        let ours = self.run(server, REVEAL)?;
        self.rounds_of("reveal_c64").ratio(ours.rate, best);
        Ok(())
    }

    pub(crate) fn list(&mut self, server: &Server) -> Result<()> {
        let best = self.best("list.sql", &[8, 16, 32])?;
        let ours = self.run(server, LIST)?;
        self.rounds_of("list_c16").ratio(ours.rate, best);
        Ok(())
    }

    pub(crate) fn single(&mut self, server: &Server) -> Result<()> {
        for (file, workload, figure) in [
            ("create.sql", CREATE, "create_c1_p50"),
            ("reveal.sql", REVEAL, "reveal_c1_p50"),
        ] {
            let theirs = self.pgbench(Script { file, clients: 1 })?;
            let ours = self.run(server, workload.connections(1))?;
            self.rounds_of(figure).ratio(ours.p50, theirs.p50);
        }
        Ok(())
    }

    // At half of the highest rate: at full load, the queue that is never empty would hide the
    // latency of a request.
    pub(crate) fn tail(&mut self, server: &Server) -> Result<()> {
        let clients = CONNECTIONS;
        for (workload, file, [full, half, beside]) in [
            (
                CREATE,
                "create.sql",
                ["create_p99_full", "create_p99", "create_p99_pgbench"],
            ),
            (
                REVEAL,
                "reveal.sql",
                ["reveal_p99_full", "reveal_p99", "reveal_p99_pgbench"],
            ),
        ] {
            let top = self.run(server, workload)?;
            let ours = self.run_paced(server, workload, think(top.rate))?;
            self.rounds_of(full).ratio(top.p99, top.p50);
            self.rounds_of(half).ratio(ours.p99, ours.p50);
            let most = self.pgbench(Script { file, clients })?;
            let theirs = self.pgbench_paced(Script { file, clients }, most.rate / 2.0)?;
            let own = theirs.p99 / theirs.p50;
            self.rounds_of(beside).ratio(ours.p99 / ours.p50, own);
        }
        Ok(())
    }

    pub(crate) fn scale(&mut self, small: &Server, large: &Server) -> Result<()> {
        // The small server must know its organizations, too.
        if !self.wants("reveal") {
            self.run(small, CREATE)?;
            self.run(small, REVEAL)?;
        }
        let figures = [
            (Action::Create, "scale_create"),
            (Action::Reveal, "scale_reveal"),
            (Action::List, "scale_list"),
        ];
        let mut rates = Vec::new();
        for (server, size) in [(small, Size::Small), (large, Size::Large)] {
            for (action, _) in figures {
                rates.push(self.run(server, Workload::full(size, action))?.rate);
            }
        }
        for (at, (_, figure)) in figures.into_iter().enumerate() {
            self.rounds_of(figure)
                .ratio(rates[figures.len() + at], rates[at]);
        }
        Ok(())
    }

    pub(crate) fn hot(&mut self, server: &Server) -> Result<()> {
        let mut worst: Option<(f64, f64)> = None;
        for action in [Action::Create, Action::Reveal] {
            let workload = Workload::full(Size::Large, action);
            let spread = self.run(server, workload.orgs(1000))?.rate;
            let hot = self.run(server, workload.orgs(1))?.rate;
            if worst.is_none_or(|(hottest, base)| hot / spread < hottest / base) {
                worst = Some((hot, spread));
            }
        }
        if let Some((hot, spread)) = worst {
            self.rounds_of("hot_org").ratio(hot, spread);
        }
        Ok(())
    }
}
