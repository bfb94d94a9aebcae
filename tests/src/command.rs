use std::process::Command;

use crate::binary::strongroom_binary;

/// The result of a command.
#[derive(Debug)]
pub struct Finished {
    /// Whether it exited with 0.
    pub success: bool,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Finished {
    /// Its output as JSON; panics unless the command succeeded.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        assert!(self.success, "failed: {}", self.stderr);
        serde_json::from_str(&self.stdout).expect("no JSON on standard output")
    }

    /// Panics unless the command failed, and standard error contains `reason`.
    #[track_caller]
    pub fn assert_refused(&self, reason: &str) {
        assert!(
            !self.success && self.stderr.contains(reason),
            "not refused with {reason:?}: {self:?}"
        );
    }

    /// Panics unless the command failed, and standard output contains `text`.
    #[track_caller]
    pub fn assert_failed_with(&self, text: &str) {
        assert!(
            !self.success && self.stdout.contains(text),
            "not failed with {text:?}: {self:?}"
        );
    }

    /// Panics unless the command succeeded.
    #[track_caller]
    pub fn assert_success(&self) {
        assert!(self.success, "failed: {self:?}");
    }

    /// Panics unless the command succeeded, and standard output contains `text`.
    #[track_caller]
    pub fn assert_prints(&self, text: &str) {
        assert!(
            self.success && self.stdout.contains(text),
            "not succeeded with {text:?}: {self:?}"
        );
    }
}

/// Runs `strongroom` with `args` and exactly these `variables` (besides PATH).
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
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
