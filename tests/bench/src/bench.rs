//! The state of a benchmark, and the order of its measurements.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::baseline;
use crate::check::{self, Checked};
use crate::dataset::{Dataset, Size};
use crate::environment::{Environment, vacuum};
use crate::figures::Rounds;
use crate::load::Load;
use crate::loads::{Action, CreateRun, Workload};
use crate::outside::Outside;
use crate::server::Server;
use crate::threads::Threads;
use crate::{Args, Result, machine};

pub(crate) struct Bench<'a> {
    pub(crate) args: &'a Args,
    pub(crate) environment: Environment,
    pub(crate) small: Dataset,
    /// Exists when a selected group needs it.
    pub(crate) large: Option<Dataset>,
    /// Exists when relays are measured.
    pub(crate) outside: Option<Arc<Outside>>,
    pub(crate) threads: Threads,
    /// All loads of creates; the position of a load is in the prefix of its labels.
    pub(crate) creates: Vec<CreateRun>,
    /// The measurements of each figure.
    pub(crate) rounds: BTreeMap<&'static str, Rounds>,
}

/// Whether a group is selected: an empty selection has all.
pub(crate) fn wants(only: &[String], group: &str) -> bool {
    only.is_empty() || only.iter().any(|name| name == group)
}

impl<'a> Bench<'a> {
    /// Creates the databases.
    pub(crate) async fn prepare(args: &'a Args) -> Result<Self> {
        eprintln!("creating a private PostgreSQL and 10,000 credentials");
        let environment = Environment::start()?;
        environment.fill_log().await?;
        let small = Dataset::create(&environment, Size::Small, args.root_key).await?;
        baseline::prepare(&environment).await?;
        let mut large = None;
        if ["scale", "hot", "memory"]
            .iter()
            .any(|group| wants(&args.only, group))
        {
            eprintln!("creating 1,000,000 credentials in 10,000 organizations");
            large = Some(Dataset::create(&environment, Size::Large, args.root_key).await?);
        }
        let mut outside = None;
        if wants(&args.only, "relay") {
            outside = Some(Arc::new(Outside::start(&environment).await?));
        }
        Ok(Self {
            args,
            environment,
            small,
            large,
            outside,
            threads: Threads::new(args.threads),
            creates: Vec::new(),
            rounds: BTreeMap::new(),
        })
    }

    pub(crate) fn wants(&self, group: &str) -> bool {
        wants(&self.args.only, group)
    }

    pub(crate) fn rounds_of(&mut self, figure: &'static str) -> &mut Rounds {
        self.rounds.entry(figure).or_default()
    }

    pub(crate) async fn server(&self, size: Size) -> Result<Server> {
        Server::start(&self.environment, &self.args.program, size.name()).await
    }

    /// A server that knows all organizations of the large database. A server that has just started
    /// knows none, and its connections have none of PostgreSQL's pages mapped. On the small
    /// database, this takes a moment.
    pub(crate) async fn warm_server(&mut self) -> Result<Server> {
        let server = self.server(Size::Large).await?;
        let requests = 3.0 * Size::Large.orgs() as f64;
        let enough = requests / f64::from(self.args.seconds);
        for action in [Action::Create, Action::Reveal] {
            let mut rates = 1.0;
            while rates < enough {
                let workload = Workload::full(Size::Large, action);
                rates += self.run(&server, workload)?.rate;
            }
        }
        self.run(&server, Workload::full(Size::Large, Action::List))?;
        Ok(server)
    }

    /// Vacuums and analyzes the tables of both sides, so that no side is measured with more dead
    /// rows or older statistics than the other.
    pub(crate) async fn vacuum(&self) -> Result<()> {
        let large = self.large.as_ref().map(|large| large.size.name());
        let databases = [baseline::DATABASE, self.small.size.name()];
        for database in databases.into_iter().chain(large) {
            vacuum(&self.environment.connect(database).await?).await?;
        }
        Ok(())
    }

    /// Measures all selected groups once.
    pub(crate) async fn round(&mut self) -> Result<()> {
        self.vacuum().await?;
        let server = self.server(Size::Small).await?;
        if self.wants("start") {
            let millis = server.start.as_secs_f64() * 1000.0;
            self.rounds_of("start").values.push(millis);
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
        if self.wants("cpu") {
            self.cpu(&server)?;
        }
        if let Some(outside) = self.outside.clone() {
            self.relay(&outside).await?;
        }
        if self.wants("console") {
            self.console().await?;
        }
        if self.wants("scale") || self.wants("hot") {
            let large = self.warm_server().await?;
            if self.wants("scale") {
                self.scale(&server, &large)?;
            }
            if self.wants("hot") {
                self.hot(&large)?;
            }
        }
        Ok(())
    }

    /// Measures the selected groups that need no rounds.
    pub(crate) async fn once(&mut self) -> Result<()> {
        if self.wants("memory") {
            let server = self.server(Size::Large).await?;
            let workload = Workload::full(Size::Large, Action::Reveal).connections(256);
            let load = Load {
                seconds: 60,
                ..self.load(&server, workload)
            };
            self.send(workload, &load)?;
            let memory = server.memory()? / (1024.0 * 1024.0);
            self.rounds_of("memory").values.push(memory);
        }
        if let Some(outside) = self.outside.clone() {
            self.relay_memory(&outside).await?;
        }
        if self.wants("deep") {
            self.deep().await?;
        }
        Ok(())
    }

    /// The conditions of the measurements, for the report.
    pub(crate) async fn facts(&self) -> Result<Vec<String>> {
        let mut facts = machine::facts(&self.environment).await?.to_vec();
        let Args {
            rounds, seconds, ..
        } = self.args;
        facts.push(format!("{rounds} rounds of {seconds} s per measurement"));
        if let Some(threads) = self.args.threads {
            facts.push(format!("load generators with {threads} threads"));
        }
        if self.args.root_key {
            facts.push("the key of a root organization acts in all organizations".into());
        }
        let checked = self.check().await?;
        facts.push(format!(
            "{} creates were answered; {} credentials were read back, those of requests in flight \
             at the end of a load included, and each was as sent",
            checked.answered, checked.credentials
        ));
        Ok(facts)
    }

    // Compares all creates with the databases. This comes last, since it reveals every credential
    // and would otherwise add audit events to one side between the rounds.
    async fn check(&self) -> Result<Checked> {
        let mut checked = check::check(&self.environment, &self.small, &self.creates).await?;
        if let Some(large) = &self.large {
            checked += check::check(&self.environment, large, &self.creates).await?;
        }
        Ok(checked)
    }
}
