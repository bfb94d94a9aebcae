//! The machine of a benchmark, for the report.

use std::io::Write;
use std::time::Instant;

use crate::Result;
use crate::environment::Environment;

/// One line each on the processor, and on PostgreSQL and the disk.
pub(crate) async fn facts(environment: &Environment) -> Result<[String; 2]> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let cores = std::thread::available_parallelism()?;
    let client = environment.connect("postgres").await?;
    let version: String = client.query_one("show server_version", &[]).await?.get(0);
    let fdatasync = fdatasync(environment)?;
    Ok([
        format!("{cores} cores: {}", model.unwrap_or(" unknown").trim()),
        format!(
            "PostgreSQL {version}, fsync and synchronous_commit on; an 8 KiB write and fdatasync \
             takes {fdatasync:.2} ms"
        ),
    ])
}

// Milliseconds of an 8 KiB write and fdatasync: the median of 100.
fn fdatasync(environment: &Environment) -> Result<f64> {
    let mut file = std::fs::File::create(environment.path("fsync"))?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        file.write_all(&[0; 8192])?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(crate::figures::median(&times))
}
