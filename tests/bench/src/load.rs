//! The load generator wrk (Debian's package `wrk`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// The result of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadResult {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Latencies in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Answers with a status of success.
    pub(crate) answered: u64,
    /// Requests sent, including those still in flight at the end; counted for creates alone.
    pub(crate) sent: Option<u64>,
}

/// The settings of a run.
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    pub(crate) connections: usize,
    /// Threads of wrk; not more than connections.
    pub(crate) threads: usize,
    pub(crate) seconds: u32,
    /// The mean pause of a connection between two requests, in milliseconds.
    pub(crate) think: u32,
    /// A file that tells early threads that the last one is ready; see `load/common.lua`.
    pub(crate) gate: PathBuf,
}

impl Load<'_> {
    /// Creates credentials as the organizations in the file `callers`, with labels
    /// `<prefix>-<thread>-<number>`.
    pub(crate) fn create(&self, callers: &Path, prefix: &str) -> Result<LoadResult> {
        let (callers, think) = (callers.display().to_string(), self.think.to_string());
        self.run("create.lua", &[&callers, prefix, &think])
    }

    /// Sends the requests in a file.
    pub(crate) fn get(&self, requests: &Path) -> Result<LoadResult> {
        let (requests, think) = (requests.display().to_string(), self.think.to_string());
        self.run("get.lua", &[&requests, &think])
    }

    // A run in which a request failed is an error.
    fn run(&self, script: &str, args: &[&str]) -> Result<LoadResult> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("load");
        if self.gate.exists() {
            std::fs::remove_file(&self.gate)?;
        }
        let output = Command::new("wrk")
            .arg("--latency")
            .args(["-t", &self.threads.to_string()])
            .args(["-c", &self.connections.to_string()])
            .args(["-d", &format!("{}s", self.seconds)])
            .arg("-s")
            .arg(scripts.join(script))
            .args([self.url, "--"])
            .args([&*scripts, Path::new(&self.threads.to_string()), &self.gate])
            .args(args)
            .output()
            .map_err(|error| {
                format!("wrk does not run ({error}); install it: apt-get install wrk")
            })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (result, errors) = parse(&text).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("the output of wrk cannot be parsed:\n{text}{errors}")
        })?;
        match errors {
            0 => Ok(result),
            _ => Err(format!("{errors} requests failed:\n{text}").into()),
        }
    }
}

// The result, and the number of failed requests and broken connections.
fn parse(text: &str) -> Option<(LoadResult, u64)> {
    let after = |start: &str| {
        let mut lines = text.lines().map(str::trim);
        lines.find_map(|line| Some(line.strip_prefix(start)?.trim()))
    };
    let counts = after("errors")?.split_whitespace().map(str::parse::<u64>);
    let errors = counts.sum::<std::result::Result<u64, _>>().ok()?;
    let result = LoadResult {
        rate: after("Requests/sec:")?.parse().ok()?,
        p50: millis(after("50%")?)?,
        p99: millis(after("99%")?)?,
        answered: after("answered")?.parse().ok()?,
        sent: after("sent").and_then(|count| count.parse().ok()),
    };
    Some((result, errors))
}

fn millis(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Some(number.parse::<f64>().ok()? * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #[test]
    fn output_of_wrk_is_parsed() {
        let text = "Running 1s test\n  Latency Distribution\n     50%    1.62ms\n     \
                    75%    2.01ms\n     90%    3.00ms\n     99%  812.00us\n  \
                    100 requests in 1.00s, 1MB read\nRequests/sec:  23456.78\n\
                    errors 0 2\nanswered 100\nsent 164\n";
        let (result, errors) = super::parse(text).unwrap();
        assert_eq!(errors, 2);
        assert_eq!(
            (result.rate, result.p50, result.p99),
            (23456.78, 1.62, 0.812)
        );
        assert_eq!((result.answered, result.sent), (100, Some(164)));
        let get = text.replace("sent 164\n", "");
        assert_eq!(super::parse(&get).unwrap().0.sent, None);
    }
}
