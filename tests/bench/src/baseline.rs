//! The same work as plain SQL: pgbench, one prepared statement per transaction, without row-level security.

use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::stage::Stage;

/// What one run of pgbench saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran {
    /// Transactions per second.
    pub(crate) rate: f64,
    /// The median latency, in milliseconds; only with one client.
    pub(crate) p50: f64,
}

/// Tables of the same columns and indexes as the vault's, and rows of the same size: `rows` credentials, spread over `orgs` organizations.
pub(crate) async fn prepare(stage: &Stage, orgs: usize, rows: usize) -> Result<()> {
    let client = stage.connect("postgres").await?;
    let sql = include_str!("../baseline/tables.sql")
        .replace(":orgs", &orgs.to_string())
        .replace(":rows", &rows.to_string());
    client.batch_execute(&sql).await?;
    crate::stage::settle(&client).await?;
    Ok(())
}

/// Runs one of the scripts in `baseline/`.
pub(crate) fn run(
    stage: &Stage,
    script: &str,
    clients: usize,
    seconds: u32,
    data: Data,
) -> Result<Ran> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "baseline"].iter().collect();
    let log = stage.path("pgbench");
    let mut pgbench = Command::new(stage.binaries.dir().join("pgbench"));
    pgbench
        .args(["-n", "-M", "prepared", "-T", &seconds.to_string()])
        .args([
            "-c",
            &clients.to_string(),
            "-j",
            if clients > 1 { "2" } else { "1" },
        ])
        .args([
            "-D",
            &format!("orgs={}", data.orgs),
            "-D",
            &format!("rows={}", data.rows),
        ])
        .arg("-f")
        .arg(folder.join(script));
    if clients == 1 {
        pgbench
            .arg("-l")
            .arg(format!("--log-prefix={}", log.display()));
    }
    let output = pgbench.arg(stage.superuser_url("postgres")).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().find_map(|line| {
        let rate = line.strip_prefix("tps = ")?;
        rate.split_whitespace().next()?.parse().ok()
    });
    let rate = rate.ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("pgbench {script} failed:\n{text}{errors}")
    })?;
    let p50 = if clients == 1 {
        median_of_log(stage)?
    } else {
        0.0
    };
    Ok(Ran { rate, p50 })
}

/// How much there is to choose from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Data {
    pub(crate) orgs: usize,
    pub(crate) rows: usize,
}

// Each line: client, number, latency in microseconds, ...
fn median_of_log(stage: &Stage) -> Result<f64> {
    let mut latencies = Vec::new();
    let folder = stage.path("");
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("pgbench.") {
            for line in std::fs::read_to_string(&path)?.lines() {
                let latency = line
                    .split_whitespace()
                    .nth(2)
                    .and_then(|text| text.parse::<f64>().ok());
                latencies.extend(latency.map(|micros| micros / 1000.0));
            }
            std::fs::remove_file(path)?;
        }
    }
    latencies.sort_by(f64::total_cmp);
    let middle = latencies.get(latencies.len() / 2).copied();
    middle.ok_or_else(|| "pgbench left no log".into())
}
