//! The released server as a process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Result;
use crate::environment::Environment;

/// A running `strongroom serve`, stopped when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
    /// The time from the start of the process until it was ready.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts the program with the default settings on `database`, and waits until it is ready.
    pub(crate) async fn start(
        environment: &Environment,
        program: &Path,
        database: &str,
    ) -> Result<Self> {
        Self::start_with(environment, program, database, &[]).await
    }

    /// The same with settings, given as variables.
    pub(crate) async fn start_with(
        environment: &Environment,
        program: &Path,
        database: &str,
        variables: &[(&str, String)],
    ) -> Result<Self> {
        // The port is free when the listener is dropped.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let log = std::fs::File::create(environment.path(&format!("server-{database}.log")))?;
        let begun = Instant::now();
        let process = Command::new(program)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("STRONGROOM_DATABASE_URL", environment.app_url(database))
            .env("STRONGROOM_ROOT_KEY_FILE", environment.root_key_file())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::from(log))
            .spawn()?;
        let mut server = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            start: Duration::ZERO,
        };
        let client = reqwest::Client::new();
        let ready = format!("{}/readyz", server.url);
        loop {
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                server.start = begun.elapsed();
                return Ok(server);
            }
            if begun.elapsed() > Duration::from_secs(20) {
                return Err("the server did not become ready; see its log".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .ok_or("no VmRSS")?;
        Ok(kib.parse::<f64>()? * 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.process.id().cast_signed());
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.process.wait();
    }
}
