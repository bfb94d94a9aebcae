//! What a round measures, ours and the baseline's by turns.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::baseline;
use crate::figures::Rounds;
use crate::load::Load;
use crate::loads::{MANY, succeeded, think};
use crate::server::Server;
use crate::stage::{Base, Stage};
use crate::{Args, Result, check};

/// Credentials per organization.
pub(crate) const EACH: usize = 100;
/// Rows per transaction of the group-commit limit.
const GROUP: f64 = 50.0;
/// However many there are.
const ALL: usize = usize::MAX;

/// Everything that is measured, and what was seen so far.
pub(crate) struct Bench<'a> {
    pub(crate) args: &'a Args,
    pub(crate) stage: Stage,
    pub(crate) small: Base,
    pub(crate) large: Option<Base>,
    pub(crate) seen: BTreeMap<&'static str, Rounds>,
    pub(crate) runs: usize,
    checked: usize,
}

impl<'a> Bench<'a> {
    /// Makes the databases.
    pub(crate) async fn prepare(args: &'a Args) -> Result<Self> {
        eprintln!("making a private PostgreSQL and 10,000 credentials");
        let stage = Stage::start()?;
        let small = stage.database("small", 100, EACH).await?;
        baseline::prepare(&stage, 100, 100 * EACH).await?;
        let mut bench = Self {
            args,
            stage,
            small,
            large: None,
            seen: BTreeMap::new(),
            runs: 0,
            checked: 0,
        };
        if ["scale", "hot", "memory"]
            .iter()
            .any(|group| bench.wants(group))
        {
            eprintln!("making 1,000,000 credentials in 10,000 organizations");
            bench.large = Some(bench.stage.database("large", 10_000, EACH).await?);
        }
        Ok(bench)
    }

    pub(crate) fn into_seen(self) -> BTreeMap<&'static str, Rounds> {
        self.seen
    }

    fn wants(&self, group: &str) -> bool {
        self.args.only.is_empty() || self.args.only.iter().any(|only| only == group)
    }

    fn note(&mut self, figure: &'static str) -> &mut Rounds {
        self.seen.entry(figure).or_default()
    }

    /// Measures all groups once.
    pub(crate) async fn round(&mut self) -> Result<()> {
        let server = Server::start(&self.stage, "small").await?;
        if self.wants("start") {
            self.note("start")
                .values
                .push(server.start.as_secs_f64() * 1000.0);
        }
        if self.wants("create") {
            self.create(&server)?;
        }
        if self.wants("reveal") {
            self.reveal(&server)?;
        }
        if self.wants("list") {
            self.list(&server)?;
        }
        if self.wants("single") {
            self.single(&server)?;
        }
        if self.wants("tail") {
            self.tail(&server)?;
        }
        if self.wants("scale") || self.wants("hot") {
            let large = self.warm().await?;
            if self.wants("scale") {
                self.scale(&server, &large)?;
            }
            if self.wants("hot") {
                self.hot(&large)?;
            }
        }
        drop(server);
        self.check().await
    }

    // A server that has just started knows no organization, and its connections no page of PostgreSQL's memory. The
    // small database is known after a moment.
    async fn warm(&mut self) -> Result<Server> {
        let server = Server::start(&self.stage, "large").await?;
        let (organizations, seconds) = (10_000.0, f64::from(self.args.seconds));
        let enough = 3.0 * organizations / seconds;
        let (mut created, mut revealed) = (1.0, 1.0);
        while created < enough {
            created += self.creates(&server, "large", MANY, 0, ALL)?.rate;
        }
        while revealed < enough {
            revealed += self.reveals(&server, "large", MANY, 0, ALL)?.rate;
        }
        self.lists(&server, "large")?;
        Ok(server)
    }

    fn create(&mut self, server: &Server) -> Result<()> {
        let best = self.best("create.sql", &[8, 32, 64])?;
        let limit = self.pgbench("create50.sql", 8)?.rate * GROUP;
        let ours = self.creates(server, "small", MANY, 0, ALL)?;
        self.note("create_c64").ratio(ours.rate, best);
        self.note("create_limit").ratio(ours.rate, limit);
        Ok(())
    }

    fn reveal(&mut self, server: &Server) -> Result<()> {
        let best = self.best("reveal.sql", &[8, 32, 64])?;
        let ours = self.reveals(server, "small", MANY, 0, ALL)?;
        self.note("reveal_c64").ratio(ours.rate, best);
        Ok(())
    }

    fn list(&mut self, server: &Server) -> Result<()> {
        let best = self.best("list.sql", &[8, 16, 32])?;
        let ours = self.lists(server, "small")?;
        self.note("list_c16").ratio(ours.rate, best);
        Ok(())
    }

    fn single(&mut self, server: &Server) -> Result<()> {
        let theirs = self.pgbench("create.sql", 1)?;
        let ours = self.creates(server, "small", 1, 0, ALL)?;
        self.note("create_c1_p50").ratio(ours.p50, theirs.p50);
        let theirs = self.pgbench("reveal.sql", 1)?;
        let ours = self.reveals(server, "small", 1, 0, ALL)?;
        self.note("reveal_c1_p50").ratio(ours.p50, theirs.p50);
        Ok(())
    }

    // At half of the top rate, where a queue that never empties cannot hide what a request costs.
    fn tail(&mut self, server: &Server) -> Result<()> {
        let top = self.creates(server, "small", MANY, 0, ALL)?;
        let ours = self.creates(server, "small", MANY, think(top.rate), ALL)?;
        self.note("create_p99").ratio(ours.p99, ours.p50);
        let top = self.reveals(server, "small", MANY, 0, ALL)?;
        let ours = self.reveals(server, "small", MANY, think(top.rate), ALL)?;
        self.note("reveal_p99").ratio(ours.p99, ours.p50);
        Ok(())
    }

    fn scale(&mut self, small: &Server, large: &Server) -> Result<()> {
        if !self.wants("reveal") {
            self.creates(small, "small", MANY, 0, ALL)?;
            self.reveals(small, "small", MANY, 0, ALL)?;
        }
        let mut rates = Vec::new();
        for (server, base) in [(small, "small"), (large, "large")] {
            let creates = self.creates(server, base, MANY, 0, ALL)?.rate;
            let reveals = self.reveals(server, base, MANY, 0, ALL)?.rate;
            let lists = self.lists(server, base)?.rate;
            rates.push([creates, reveals, lists]);
        }
        for (at, figure) in ["scale_create", "scale_reveal", "scale_list"]
            .into_iter()
            .enumerate()
        {
            self.note(figure).ratio(rates[1][at], rates[0][at]);
        }
        Ok(())
    }

    fn hot(&mut self, server: &Server) -> Result<()> {
        let spread = self.creates(server, "large", MANY, 0, 1000)?.rate;
        let hot = self.creates(server, "large", MANY, 0, 1)?.rate;
        let creates = (hot, spread);
        let spread = self.reveals(server, "large", MANY, 0, 1000)?.rate;
        let hot = self.reveals(server, "large", MANY, 0, 1)?.rate;
        let reveals = (hot, spread);
        let worse = match creates.0 / creates.1 < reveals.0 / reveals.1 {
            true => creates,
            false => reveals,
        };
        self.note("hot_org").ratio(worse.0, worse.1);
        Ok(())
    }

    /// Measures what needs no rounds.
    pub(crate) async fn once(&mut self) -> Result<()> {
        if self.wants("memory") {
            let server = Server::start(&self.stage, "large").await?;
            let requests = self.reveals_file("large", ALL)?;
            let load = Load {
                url: &server.url,
                connections: 256,
                seconds: 60,
                think: 0,
            };
            succeeded(load.get(&requests)?)?;
            let memory = server.memory()? / (1024.0 * 1024.0);
            self.note("memory").values.push(memory);
        }
        if self.wants("deep") {
            self.deep().await?;
        }
        Ok(())
    }

    /// What this was measured on.
    pub(crate) async fn facts(&self) -> Result<Vec<String>> {
        let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
        let cores = std::thread::available_parallelism()?;
        let client = self.stage.connect("postgres").await?;
        let version: String = client.query_one("show server_version", &[]).await?.get(0);
        let fsync = self.fsync()?;
        Ok(vec![
            format!("{cores} cores: {}", model.unwrap_or(" unknown").trim()),
            format!(
                "PostgreSQL {version}, fsync and synchronous_commit on; an 8 KiB write and fdatasync takes {fsync:.2} ms"
            ),
            format!(
                "{} rounds of {} s per measurement",
                self.args.rounds, self.args.seconds
            ),
            format!(
                "{} created credentials were read back, and each was what was sent",
                self.checked
            ),
        ])
    }

    fn fsync(&self) -> Result<f64> {
        use std::io::Write;
        let mut file = std::fs::File::create(self.stage.path("fsync"))?;
        let mut times = Vec::new();
        for _ in 0..100 {
            let begun = Instant::now();
            file.write_all(&[0; 8192])?;
            file.sync_data()?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(crate::figures::median(&times))
    }

    // Every id that was answered so far, on the small database.
    async fn check(&mut self) -> Result<()> {
        let mut answered = String::new();
        for run in 0..=self.runs {
            if let Ok(text) =
                std::fs::read_to_string(self.answers("small", run).with_extension("0"))
            {
                answered.push_str(&text);
                std::fs::remove_file(self.answers("small", run).with_extension("0"))?;
            }
        }
        if !answered.is_empty() {
            self.checked += check::read_back(&self.stage, &self.small, &answered).await?;
        }
        Ok(())
    }
}
