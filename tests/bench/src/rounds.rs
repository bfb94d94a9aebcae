//! What a round measures, ours and the baseline's by turns.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::baseline::{self, Data, Ran};
use crate::figures::Rounds;
use crate::load::{Load, Seen};
use crate::server::Server;
use crate::stage::{Base, Stage};
use crate::{Args, CREDENTIALS, Result, check};

/// Credentials per organisation.
const EACH: usize = 100;
/// Most different requests that a load sends.
const REQUESTS: usize = 50_000;
/// Connections under full load.
const MANY: usize = 64;
/// Rows per transaction of the group-commit limit.
const GROUP: f64 = 50.0;
/// Credentials of the organisation with deep pages.
const DEEP: usize = 1_000_000;

/// Everything that is measured, and what was seen so far.
pub(crate) struct Bench<'a> {
    args: &'a Args,
    stage: Stage,
    small: Base,
    large: Option<Base>,
    seen: BTreeMap<&'static str, Rounds>,
    runs: usize,
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
            eprintln!("making 1,000,000 credentials in 10,000 organisations");
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
        drop(server);
        self.check().await?;
        if self.wants("scale") {
            self.scale().await?;
        }
        if self.wants("hot") {
            self.hot().await?;
        }
        Ok(())
    }

    fn create(&mut self, server: &Server) -> Result<()> {
        let best = self.best("create.sql", &[8, 32, 64])?;
        let limit = self.pgbench("create50.sql", 8)?.rate * GROUP;
        let ours = self.creates(server, MANY, 0, 100)?;
        self.note("create_c64").ratio(ours.rate, best);
        self.note("create_limit").ratio(ours.rate, limit);
        Ok(())
    }

    fn reveal(&mut self, server: &Server) -> Result<()> {
        let best = self.best("reveal.sql", &[8, 32, 64])?;
        let ours = self.reveals(server, MANY, 0)?;
        self.note("reveal_c64").ratio(ours.rate, best);
        Ok(())
    }

    fn list(&mut self, server: &Server) -> Result<()> {
        let best = self.best("list.sql", &[8, 16, 32])?;
        let ours = self.lists(server)?;
        self.note("list_c16").ratio(ours.rate, best);
        Ok(())
    }

    fn single(&mut self, server: &Server) -> Result<()> {
        let theirs = self.pgbench("create.sql", 1)?;
        let ours = self.creates(server, 1, 0, 100)?;
        self.note("create_c1_p50").ratio(ours.p50, theirs.p50);
        let theirs = self.pgbench("reveal.sql", 1)?;
        let ours = self.reveals(server, 1, 0)?;
        self.note("reveal_c1_p50").ratio(ours.p50, theirs.p50);
        Ok(())
    }

    // At half of the top rate, where a queue that never empties cannot hide what a request costs.
    fn tail(&mut self, server: &Server) -> Result<()> {
        let top = self.creates(server, MANY, 0, 100)?;
        let ours = self.creates(server, MANY, think(top.rate), 100)?;
        self.note("create_p99").ratio(ours.p99, ours.p50);
        let top = self.reveals(server, MANY, 0)?;
        let ours = self.reveals(server, MANY, think(top.rate))?;
        self.note("reveal_p99").ratio(ours.p99, ours.p50);
        Ok(())
    }

    async fn scale(&mut self) -> Result<()> {
        let mut rates = Vec::new();
        for name in ["small", "large"] {
            let server = Server::start(&self.stage, name).await?;
            let callers = self.base(name).callers.len();
            let creates = self.creates_on(&server, name, MANY, 0, callers)?.rate;
            let reveals = self.reveals_on(&server, name, MANY, 0)?.rate;
            let lists = self.lists_on(&server, name)?.rate;
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

    async fn hot(&mut self) -> Result<()> {
        let server = Server::start(&self.stage, "large").await?;
        let spread = self.creates_on(&server, "large", MANY, 0, 1000)?;
        let hot = self.creates_on(&server, "large", MANY, 0, 1)?;
        self.note("hot_org_create").ratio(hot.rate, spread.rate);
        let spread = self.reveals_of(&server, "large", MANY, 0, 1000)?;
        let hot = self.reveals_of(&server, "large", MANY, 0, 1)?;
        self.note("hot_org_reveal").ratio(hot.rate, spread.rate);
        Ok(())
    }

    /// Measures what needs no rounds.
    pub(crate) async fn once(&mut self) -> Result<()> {
        if self.wants("memory") {
            let server = Server::start(&self.stage, "large").await?;
            let (requests, _) = self.requests("large", usize::MAX)?;
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

    async fn deep(&mut self) -> Result<()> {
        let (org, key) = (self.small.callers[0].org, self.small.callers[0].key.clone());
        let neighbour = self.small.callers[1].clone();
        let client = self.stage.connect("small").await?;
        let fill = "insert into credentials select org_id, lpad(to_hex(n), 32, '0')::uuid, provider, cred_type, \
                    label, 1, key_generation, wrapped_key, sealed_blob, updated_at, null \
                    from (select * from credentials where org_id = $1 limit 1) as one, \
                    generate_series(1::bigint, $2::bigint) as n";
        let rows = i64::try_from(DEEP)?;
        client.execute(fill, &[&org.0, &rows]).await?;
        client.batch_execute("vacuum analyze; checkpoint").await?;
        let server = Server::start(&self.stage, "small").await?;
        // Ten pages of 100 in one: as far, and sooner there.
        let http = reqwest::Client::new();
        let mut cursor = String::new();
        for _ in 0..900 {
            let url = format!("{}{CREDENTIALS}?limit=1000&cursor={cursor}", server.url);
            let page = http
                .get(url)
                .header("SlashID-OrgID", org.to_string())
                .header("SlashID-API-Key", &key);
            let page: serde_json::Value = page.send().await?.error_for_status()?.json().await?;
            let next = &page["meta"]["cursor_pagination"]["cursor"];
            next.as_str()
                .ok_or("a page without a cursor")?
                .clone_into(&mut cursor);
        }
        let page = |org: &str, key: &str, cursor: &str| -> Result<f64> {
            let file = self.stage.path("page");
            std::fs::write(
                &file,
                format!("{org} {key} {CREDENTIALS}?limit=100&cursor={cursor}\n"),
            )?;
            let load = Load {
                url: &server.url,
                connections: 1,
                seconds: 2,
                think: 0,
            };
            Ok(succeeded(load.get(&file)?)?.p50)
        };
        let mut rounds = Rounds::default();
        for _ in 0..self.args.rounds {
            let deep = page(&org.to_string(), &key, &cursor)?;
            let first = page(&org.to_string(), &key, "")?;
            let small = page(&neighbour.org.to_string(), &neighbour.key, "")?;
            rounds.ratio(deep, first.min(small));
        }
        self.seen.insert("deep_page", rounds);
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

    fn best(&self, script: &str, clients: &[usize]) -> Result<f64> {
        let mut best: f64 = 0.0;
        for clients in clients {
            best = best.max(self.pgbench(script, *clients)?.rate);
        }
        Ok(best)
    }

    fn pgbench(&self, script: &str, clients: usize) -> Result<Ran> {
        let data = Data {
            orgs: 100,
            rows: 100 * EACH,
        };
        baseline::run(&self.stage, script, clients, self.args.seconds, data)
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

    fn answers(&self, base: &str, run: usize) -> PathBuf {
        self.stage.path(&format!("answers-{base}-{run}"))
    }

    fn creates(
        &mut self,
        server: &Server,
        connections: usize,
        think: u32,
        callers: usize,
    ) -> Result<Seen> {
        self.creates_on(server, "small", connections, think, callers)
    }

    fn creates_on(
        &mut self,
        server: &Server,
        base: &str,
        connections: usize,
        think: u32,
        callers: usize,
    ) -> Result<Seen> {
        self.runs += 1;
        let file = self.stage.path("callers");
        let known = self.base(base);
        known.callers_file(&file, &known.callers[..callers])?;
        let answers = self.answers(base, self.runs);
        let load = self.load(server, connections, think);
        succeeded(load.create(&file, &format!("r{}", self.runs), &answers)?)
    }

    fn requests(&self, base: &str, callers: usize) -> Result<(PathBuf, PathBuf)> {
        let (reveals, lists) = (self.stage.path("reveals"), self.stage.path("lists"));
        self.base(base).reveals_file(&reveals, REQUESTS, callers)?;
        self.base(base).lists_file(&lists)?;
        Ok((reveals, lists))
    }

    fn reveals(&self, server: &Server, connections: usize, think: u32) -> Result<Seen> {
        self.reveals_on(server, "small", connections, think)
    }

    fn reveals_on(
        &self,
        server: &Server,
        base: &str,
        connections: usize,
        think: u32,
    ) -> Result<Seen> {
        self.reveals_of(server, base, connections, think, usize::MAX)
    }

    fn reveals_of(
        &self,
        server: &Server,
        base: &str,
        connections: usize,
        think: u32,
        callers: usize,
    ) -> Result<Seen> {
        let (reveals, _) = self.requests(base, callers)?;
        succeeded(self.load(server, connections, think).get(&reveals)?)
    }

    fn lists(&self, server: &Server) -> Result<Seen> {
        self.lists_on(server, "small")
    }

    fn lists_on(&self, server: &Server, base: &str) -> Result<Seen> {
        let (_, lists) = self.requests(base, usize::MAX)?;
        succeeded(self.load(server, 16, 0).get(&lists)?)
    }
}

// What each of the connections waits so that all together send half of `top`.
fn think(top: f64) -> u32 {
    let pause = Duration::from_secs_f64(MANY as f64 / (top / 2.0));
    u32::try_from(pause.as_millis()).unwrap_or(u32::MAX).max(1)
}

fn succeeded(seen: Seen) -> Result<Seen> {
    if seen.errors == 0 {
        Ok(seen)
    } else {
        Err(format!("{} requests failed", seen.errors).into())
    }
}
