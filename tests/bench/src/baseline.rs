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
    /// The median latency in milliseconds; measured with one client alone.
    pub(crate) p50: f64,
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
    let mut text = pgbench(environment, script, threads, duration)?;
    while text.contains("actually processed: 0\n") && duration < 60 {
        duration *= 2;
        text = pgbench(environment, script, threads, duration)?;
    }
    let rate = text.lines().find_map(|line| {
        let rate = line.strip_prefix("tps = ")?;
        rate.split_whitespace().next()?.parse().ok()
    });
    let p50 = match script.clients {
        1 => median_of_log(environment)?,
        _ => f64::NAN,
    };
    Ok(PgbenchResult {
        rate: rate.ok_or_else(|| format!("{script} failed:\n{text}"))?,
        p50,
    })
}

// The output of pgbench.
fn pgbench(
    environment: &Environment,
    script: Script,
    threads: usize,
    seconds: u32,
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
    if clients == 1 {
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

// A line of the log is: client, number, latency in microseconds, ...
fn median_of_log(environment: &Environment) -> Result<f64> {
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(environment.path(""))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("pgbench.") {
            continue;
        }
        for line in std::fs::read_to_string(entry.path())?.lines() {
            let latency = line.split_whitespace().nth(2);
            let micros = latency.and_then(|text| text.parse::<f64>().ok());
            latencies.extend(micros.map(|micros| micros / 1000.0));
        }
        std::fs::remove_file(entry.path())?;
    }
    latencies.sort_by(f64::total_cmp);
    let middle = latencies.get(latencies.len() / 2).copied();
    middle.ok_or_else(|| "pgbench left no log".into())
}
