use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::command::Finished;

/// The regions of `deploy/compose.yaml`; the first one has the primary initially.
pub const REGIONS: [&str; 3] = ["eu", "us", "ap"];

/// The deployment of `deploy/compose.yaml` that `deploy/test-compose` has started.
#[derive(Debug, Clone, Copy)]
pub struct Deployment;

impl Deployment {
    /// The deployment, when the tests run through it.
    #[must_use]
    pub fn given() -> Option<Self> {
        std::env::var_os("STRONGROOM_COMPOSE").map(|_| Self)
    }

    /// The URL of the server in `region`.
    #[must_use]
    pub fn url(self, region: &str) -> String {
        let name = format!("STRONGROOM_{}_PORT", region.to_uppercase());
        format!("http://127.0.0.1:{}", variable(&name))
    }

    /// The content of a file that `deploy/init-secrets` has written.
    #[must_use]
    pub fn secret(self, name: &str) -> String {
        let folder = PathBuf::from(variable("STRONGROOM_SECRETS"));
        std::fs::read_to_string(folder.join(name)).unwrap()
    }

    /// The servers' URLs in turn.
    #[must_use]
    pub fn next_url(self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.url(REGIONS[NEXT.fetch_add(1, Ordering::Relaxed) % REGIONS.len()])
    }

    /// Runs `strongroom` in a server's container.
    #[must_use]
    pub fn run(self, args: &[&str]) -> Finished {
        let inside = ["exec", "-T", "strongroom-us", "strongroom"];
        finished(&self.try_compose(&[&inside, args].concat()))
    }

    /// Runs `docker compose`, which must succeed; returns its standard output.
    pub fn compose(self, args: &[&str]) -> String {
        let output = finished(&self.try_compose(args));
        assert!(output.success, "{args:?}: {}", output.stderr);
        output.stdout
    }

    /// Runs a script of `deploy/`.
    #[must_use]
    pub fn try_script(self, name: &str, args: &[&str]) -> Finished {
        let output = Command::new(folder().join(name)).args(args).output();
        finished(&output.unwrap())
    }

    /// Runs a script of `deploy/`, which must succeed.
    pub fn script(self, name: &str, args: &[&str]) {
        let output = self.try_script(name, args);
        assert!(output.success, "{name}: {}", output.stderr);
    }

    fn try_compose(self, args: &[&str]) -> Output {
        let mut command = Command::new("docker");
        command.args(["compose", "--file"]);
        command.arg(folder().join("compose.yaml")).args(args);
        command.output().unwrap()
    }
}

/// The folder `deploy` of the repository.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy"))
}

fn variable(name: &str) -> String {
    let value = std::env::var_os(name);
    value
        .expect("set by deploy/test-compose")
        .into_string()
        .unwrap()
}

fn finished(output: &Output) -> Finished {
    Finished {
        success: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
