use std::process::Command;

use crate::strongroom_binary;

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// Its output as JSON; fails when it did not succeed.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        assert!(self.success, "failed: {}", self.stderr);
        serde_json::from_str(&self.stdout).expect("no JSON on standard output")
    }
}

/// Runs `strongroom` with `args` and exactly these `variables` (beside PATH).
pub fn run(args: &[&str], variables: &[(&str, &str)]) -> Finished {
    let output = Command::new(strongroom_binary())
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    Finished {
        success: output.status.success(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
