//! The load generator, wrk (Debian's package `wrk`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// What one run of the load generator saw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Answered requests per second.
    pub(crate) rate: f64,
    /// Latencies in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Answers that were no success, and connections that broke.
    pub(crate) errors: u64,
}

/// One run.
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    pub(crate) connections: usize,
    pub(crate) seconds: u32,
    /// What each connection waits between two requests, on average, in milliseconds.
    pub(crate) think: u32,
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("load")
}

impl Load<'_> {
    /// Creates credentials as `callers`; the ids that were answered are added to `answers`.
    pub(crate) fn create(&self, callers: &Path, prefix: &str, answers: &Path) -> Result<Seen> {
        let think = self.think.to_string();
        let (callers, answers) = (callers.display().to_string(), answers.display().to_string());
        self.run("create.lua", &[&callers, prefix, &answers, &think])
    }

    /// Sends the requests of a file.
    pub(crate) fn get(&self, requests: &Path) -> Result<Seen> {
        let think = self.think.to_string();
        self.run("get.lua", &[&requests.display().to_string(), &think])
    }

    fn run(&self, script: &str, args: &[&str]) -> Result<Seen> {
        let output = Command::new("wrk")
            .args(["--latency", "-t1"])
            .args(["-c", &self.connections.to_string()])
            .args(["-d", &format!("{}s", self.seconds)])
            .arg("-s")
            .arg(scripts().join(script))
            .arg(self.url)
            .arg("--")
            .args(args)
            .arg(scripts())
            .output()
            .map_err(|error| {
                format!("wrk does not run ({error}); install it: apt-get install wrk")
            })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        parse(&text).ok_or_else(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("wrk printed something else than expected:\n{text}{errors}").into()
        })
    }
}

fn parse(text: &str) -> Option<Seen> {
    let after = |start: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(start))?;
        Some(line.trim_start()[start.len()..].trim().to_owned())
    };
    let errors: u64 = after("errors")?
        .split_whitespace()
        .map(|count| count.parse::<u64>())
        .sum::<std::result::Result<u64, _>>()
        .ok()?;
    Some(Seen {
        rate: after("Requests/sec:")?.parse().ok()?,
        p50: millis(&after("50%")?)?,
        p99: millis(&after("99%")?)?,
        errors,
    })
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
    fn what_wrk_prints_is_understood() {
        let text = "Running 1s test\n  Latency Distribution\n     50%    1.62ms\n     75%    2.01ms\n     \
                    90%    3.00ms\n     99%  812.00us\n  100 requests in 1.00s, 1MB read\nRequests/sec:  23456.78\n\
                    errors 0 2\n";
        let seen = super::parse(text).unwrap();
        assert_eq!(
            (seen.rate, seen.p50, seen.p99, seen.errors),
            (23456.78, 1.62, 0.812, 2)
        );
    }
}
