//! The same work as plain SQL: pgbench with one prepared statement per transaction, without
//! row-level security.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::dataset::{CREDENTIALS_PER_ORG, Size};
use crate::environment::{Environment, settle};

/// The database of the baseline's tables.
pub(crate) const DATABASE: &str = "postgres";
const ORGS: usize = Size::Small.orgs();
const ROWS: usize = ORGS * CREDENTIALS_PER_ORG;

/// A script of `baseline/` with a number of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) file: &'static str,
    pub(crate) clients: usize,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pgbench {}, {} clients", self.file, self.clients)
    }
}

/// The result of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PgbenchResult {
    /// Transactions per second.
    pub(crate) rate: f64,
    /// The number of transactions.
    pub(crate) transactions: f64,
    /// Latencies in milliseconds; measured with one client and with a given rate alone.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Creates tables with the columns and indexes of the vault's, and with rows of the same size.
pub(crate) async fn prepare(environment: &Environment) -> Result<()> {
    let client = environment.connect(DATABASE).await?;
    let sql = include_str!("../baseline/tables.sql")
        .replace(":orgs", &ORGS.to_string())
        .replace(":rows", &ROWS.to_string());
    client.batch_execute(&sql).await?;
    settle(&client).await
}

/// Runs a script.
pub(crate) fn run(
    environment: &Environment,
    script: Script,
    threads: usize,
    seconds: u32,
) -> Result<PgbenchResult> {
    // pgbench counts the time to connect as part of the duration, but not of the rate. On a busy
    // machine, little or nothing of the duration may be left.
    let mut duration = match script.clients {
        1 => seconds,
        _ => seconds + 1,
    };
    let mut text = pgbench(environment, script, threads, duration, None)?;
    while text.contains("actually processed: 0\n") && duration < 60 {
        duration *= 2;
        text = pgbench(environment, script, threads, duration, None)?;
    }
    result(environment, script, &text)
}

/// Runs a script whose transactions begin at `rate` per second.
pub(crate) fn run_paced(
    environment: &Environment,
    script: Script,
    threads: usize,
    seconds: u32,
    rate: f64,
) -> Result<PgbenchResult> {
    let text = pgbench(environment, script, threads, seconds + 1, Some(rate))?;
    result(environment, script, &text)
}

fn result(environment: &Environment, script: Script, text: &str) -> Result<PgbenchResult> {
    let after = |start: &str| {
        let number = text.lines().find_map(|line| line.strip_prefix(start))?;
        number.split_whitespace().next()?.parse().ok()
    };
    let failed = || format!("{script} failed:\n{text}");
    let latencies = latencies(environment)?;
    let at = |share: usize| latencies.get(latencies.len() * share / 100).copied();
    Ok(PgbenchResult {
        rate: after("tps = ").ok_or_else(failed)?,
        transactions: after("number of transactions actually processed: ").ok_or_else(failed)?,
        p50: at(50).unwrap_or(f64::NAN),
        p99: at(99).unwrap_or(f64::NAN),
    })
}

// The output of pgbench.
fn pgbench(
    environment: &Environment,
    script: Script,
    threads: usize,
    seconds: u32,
    rate: Option<f64>,
) -> Result<String> {
    let Script { file, clients } = script;
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "baseline"].iter().collect();
    let mut pgbench = Command::new(environment.binaries.dir().join("pgbench"));
    pgbench
        .args(["-n", "-M", "prepared", "-T", &seconds.to_string()])
        .args(["-c", &clients.to_string(), "-j", &threads.to_string()])
        .args(["-D", &format!("orgs={ORGS}"), "-D", &format!("rows={ROWS}")])
        .arg("-f")
        .arg(folder.join(file));
    if let Some(rate) = rate {
        pgbench.args(["-R", &rate.to_string()]);
    }
    if clients == 1 || rate.is_some() {
        let log = environment.path("pgbench");
        let prefix = format!("--log-prefix={}", log.display());
        pgbench.args(["-l", &prefix]);
    }
    let url = environment.superuser_url(DATABASE);
    let output = pgbench.arg(url).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{script} failed:\n{errors}").into())
    }
}

// The latencies of the logs, sorted. A line is: client, number, latency in microseconds, script,
// seconds, microseconds, and with a given rate the delay of the transaction, which is part of the
// latency. wrk's latencies begin when a request is sent, and so have no such part.
fn latencies(environment: &Environment) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(environment.path(""))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("pgbench.") {
            continue;
        }
        for line in std::fs::read_to_string(entry.path())?.lines() {
            let fields = line.split_whitespace().map(str::parse::<f64>);
            let fields: Vec<f64> = fields.collect::<std::result::Result<_, _>>()?;
            let late = fields.get(6).unwrap_or(&0.0);
            latencies.extend(fields.get(2).map(|micros| (micros - late) / 1000.0));
        }
        std::fs::remove_file(entry.path())?;
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}
