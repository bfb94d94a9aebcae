//! `make bench`: the released server beside plain SQL on the same PostgreSQL, interleaved, in several rounds. What
//! is measured and why: docs/performance.md.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that prints its report"
)]

mod baseline;
mod check;
mod deep;
mod figures;
mod load;
mod loads;
mod report;
mod rounds;
mod server;
mod stage;

use clap::Parser;

use figures::FIGURES;
use rounds::Bench;

/// The path of the credentials.
const CREDENTIALS: &str = "/organizations/config/external-credentials";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the released program, `target/release/strongroom`, beside plain SQL on the same PostgreSQL.
#[derive(Debug, Parser)]
struct Args {
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Only these groups: create, reveal, list, single, tail, hot, scale, deep, memory, start.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let mut bench = Bench::prepare(&args).await?;
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        bench.round().await?;
    }
    bench.once().await?;
    let facts = bench.facts().await?;
    let seen = bench.into_seen();
    let figures: Vec<_> = FIGURES
        .iter()
        .filter_map(|figure| Some(figure.reported(seen.get(figure.name)?)))
        .collect();
    println!("{}", report::write(&figures, &facts)?);
    let missed: Vec<_> = figures.iter().filter(|one| one.met == "no").collect();
    for one in &missed {
        eprintln!("{} misses what it must reach", one.name);
    }
    Ok(())
}
