use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::citus::Worker;
use crate::connection::connect;
use crate::waiting::eventually;

/// A worker that is down, and the command that starts it again.
///
/// The commands `CITUS_WORKER_STOP` and `CITUS_WORKER_START` stop and start it, with its port as
/// their argument. Without them it is killed with kill -9 and started with its own command line,
/// for which it must run on this machine.
pub struct Outage {
    worker: Worker,
    start: Command,
    over: bool,
}

impl Outage {
    /// Stops `worker`.
    pub async fn begin(worker: &Worker) -> Self {
        let start = match (
            given("CITUS_WORKER_STOP", worker),
            given("CITUS_WORKER_START", worker),
        ) {
            (Some(mut stop), Some(start)) => {
                assert!(stop.status().unwrap().success(), "CITUS_WORKER_STOP failed");
                start
            }
            _ => kill_it(worker).await,
        };
        let worker = worker.clone();
        Self {
            worker,
            start,
            over: false,
        }
    }

    /// Starts the worker, and waits until it accepts connections.
    pub async fn end(mut self) {
        self.over = true;
        let limit = Duration::from_secs(60);
        let mut started = self.start.spawn().unwrap();
        eventually("the worker is back", limit, async || {
            let url = self.worker.superuser_url();
            if tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .is_ok()
            {
                return true;
            }
            // The start fails while processes of the killed worker are still ending.
            if started.try_wait().unwrap().is_some() {
                started = self.start.spawn().unwrap();
            }
            false
        })
        .await;
    }
}

impl Drop for Outage {
    // Also after a failed test: other tests need the worker.
    fn drop(&mut self) {
        for _ in 0..20 {
            if self.over {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
            let mut started = self.start.spawn().unwrap();
            std::thread::sleep(Duration::from_secs(1));
            self.over = started
                .try_wait()
                .unwrap()
                .is_none_or(|left| left.success());
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the harness has no settings; the environment contains the commands"
)]
fn given(variable: &str, worker: &Worker) -> Option<Command> {
    let script = std::env::var(variable)
        .ok()
        .filter(|script| !script.is_empty())?;
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("{script} \"$1\""),
        "sh",
        &worker.port.to_string(),
    ]);
    Some(command)
}

/// Kills the worker with kill -9; returns the command that starts it.
async fn kill_it(worker: &Worker) -> Command {
    let client = connect(worker.superuser_url()).await;
    let file = "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer";
    let pid: i32 = client.query_one(file, &[]).await.unwrap().get(0);
    let process = format!("/proc/{pid}");
    let words = std::fs::read(format!("{process}/cmdline")).unwrap_or_default();
    let words = String::from_utf8(words).unwrap();
    let mut words = words.split_terminator('\0');
    let program = words.next().unwrap_or_default();
    assert!(
        program.ends_with("postgres"),
        "the worker is not on this machine: set CITUS_WORKER_STOP and CITUS_WORKER_START"
    );
    let owner = std::fs::metadata(&process).unwrap();
    let nowhere = || Stdio::from(File::options().write(true).open("/dev/null").unwrap());
    let mut start = Command::new(program);
    start
        .args(words)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(nowhere())
        .stderr(nowhere());
    if nix::unistd::geteuid().is_root() {
        start.uid(owner.uid()).gid(owner.gid());
    }
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    start
}
