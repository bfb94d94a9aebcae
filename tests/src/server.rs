use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary::strongroom_binary;

/// A running `strongroom serve` or `strongroom dev`. Killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Log>,
    stdout: Arc<Log>,
}

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn follow(stream: impl Read + Send + 'static) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let own = log.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
                own.text.lock().unwrap().push_str(&line);
                own.grown.notify_all();
                line.clear();
            }
            // Wakes the waiters, which then check whether the process has ended.
            own.grown.notify_all();
        });
        log
    }

    fn wait_for<T>(&self, limit: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        let mut text = self.text.lock().unwrap();
        loop {
            if let Some(found) = find(&text) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            text = self.grown.wait_timeout(text, left).unwrap().0;
        }
    }
}

impl Server {
    /// Starts `strongroom` with `args` and exactly these `variables` (besides PATH and HOME).
    pub fn spawn(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(strongroom_binary())
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", std::env::var_os("HOME").unwrap_or_default())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            log: Log::follow(child.stderr.take().unwrap()),
            stdout: Log::follow(child.stdout.take().unwrap()),
            child,
        }
    }

    /// The base URL; waits until the server listens.
    #[must_use]
    pub fn url(&self) -> String {
        let address = self.log.wait_for(Duration::from_secs(30), |log| {
            let line = log
                .lines()
                .find(|line| line.contains("\"message\":\"listening\""))?;
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(line["address"].as_str()?.to_owned())
        });
        match address {
            Some(address) => format!("http://{address}"),
            None => panic!("the server does not listen: {}", self.log()),
        }
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Waits until the log contains `text`.
    pub fn wait_for_log(&self, text: &str) {
        let found = self.log.wait_for(Duration::from_secs(30), |log| {
            log.contains(text).then_some(())
        });
        assert!(found.is_some(), "no {text:?} in the log: {}", self.log());
    }

    /// The first line on standard output; waits until it is written.
    #[must_use]
    pub fn first_line(&self) -> String {
        let line = self.stdout.wait_for(Duration::from_secs(60), |text| {
            text.split_once('\n').map(|(line, _)| line.to_owned())
        });
        line.unwrap_or_else(|| panic!("nothing on standard output; log: {}", self.log()))
    }

    /// The standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text.lock().unwrap().clone()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory in bytes.
    #[must_use]
    pub fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for the end, at most `limit`; returns the exit code, or `None` if a signal ended it.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < until,
                "still running after {limit:?}: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `strongroom serve`, which must refuse to start; returns its log and standard output.
pub fn refusal(args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut server = Server::spawn(&[&["serve"], args].concat(), variables);
    let code = server.wait(Duration::from_secs(15));
    assert!(
        code.is_some_and(|code| code != 0),
        "{code:?}: {}",
        server.log()
    );
    server.wait_for_log("error: ");
    server.log() + &server.stdout()
}
