//! `make bench`: the released server beside plain SQL on the same PostgreSQL, by turns, in several
//! rounds. The figures are explained in docs/performance.md.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that prints its report"
)]

mod baseline;
mod bench;
mod check;
mod console;
mod cpu;
mod dataset;
mod deep;
#[path = "../../../crates/egress/tests/egress/dns.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "it is the one of the tests of egress"
)]
mod dns;
mod environment;
mod figures;
mod load;
mod loads;
mod machine;
mod outside;
mod relay;
mod report;
mod rounds;
mod server;
mod threads;
#[path = "../../../crates/egress/tests/egress/upstream.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "it is the one of the tests of egress"
)]
mod upstream;

use std::path::PathBuf;

use clap::Parser;

use bench::Bench;
use figures::FIGURES;

/// The path of the credentials.
const CREDENTIALS: &str = "/organizations/config/external-credentials";
/// The groups of figures.
const GROUPS: [&str; 13] = [
    "create", "reveal", "list", "single", "tail", "cpu", "relay", "console", "hot", "scale",
    "deep", "memory", "start",
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the released program beside plain SQL on the same PostgreSQL.
#[derive(Debug, Parser)]
struct Args {
    /// The number of rounds; a figure is the median of its rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Measure these groups alone.
    #[arg(long, value_delimiter = ',', value_parser = GROUPS)]
    only: Vec<String>,
    /// Run all load generators with this number of threads, without a calibration.
    #[arg(long)]
    threads: Option<usize>,
    /// Let the key of a root organization act in all organizations, which are its
    /// sub-organizations.
    #[arg(long)]
    root_key: bool,
    /// The program to measure.
    #[arg(long, default_value = "target/release/strongroom")]
    program: PathBuf,
    /// The folder of the report.
    #[arg(long, default_value = "target/bench")]
    report: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let mut bench = Bench::prepare(&args).await?;
    eprintln!("choosing the number of threads of the load generators");
    bench.calibrate().await?;
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        bench.round().await?;
    }
    bench.once().await?;
    eprintln!("reading back all created credentials");
    let facts = bench.facts().await?;
    let figures: Vec<_> = FIGURES
        .iter()
        .filter_map(|figure| Some(figure.reported(bench.rounds.get(figure.name)?)))
        .collect();
    let threads = &bench.threads.choices;
    println!(
        "{}",
        report::write(&args.report, &figures, &facts, threads)?
    );
    for missed in figures.iter().filter(|figure| figure.met == "no") {
        eprintln!("{} misses the value that it must reach", missed.name);
    }
    Ok(())
}
