//! A child process, and the thread that waits for it.

use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::{Condvar, Mutex};

/// A child process, started and awaited by its own thread.
///
/// The thread lives as long as the child, because Linux sends the parent-death signal when the
/// *thread* that started a child ends, not when the process does (prctl(2)).
pub(crate) struct Process {
    pid: u32,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    exit_status: Mutex<Option<String>>,
    changed: Condvar,
}

impl Process {
    /// Starts the command. Returns the error of the start.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let (started, pid) = mpsc::channel();
        let shared = Arc::clone(&state);
        thread::Builder::new().name("pgdev".into()).spawn(move || {
            let child = command.spawn();
            drop(command);
            let mut child = match child {
                Ok(child) => child,
                Err(error) => return started.send(Err(error)).unwrap_or(()),
            };
            started.send(Ok(child.id())).unwrap_or(());
            let status = match child.wait() {
                Ok(status) => status.to_string(),
                Err(error) => format!("unknown exit status: {error}"),
            };
            *shared.exit_status.lock() = Some(status);
            shared.changed.notify_all();
        })?;
        let pid = pid.recv().map_err(io::Error::other)??;
        Ok(Self { pid, state })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The exit status, such as `exit status: 1`; `None` while the process runs.
    pub(crate) fn exit_status(&self) -> Option<String> {
        self.state.exit_status.lock().clone()
    }

    /// Sends a signal, unless the process has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let status = self.state.exit_status.lock();
        if status.is_none() {
            // The only possible failure is that the process ends at this moment.
            kill(pid(self.pid), signal).unwrap_or(());
        }
    }

    /// Waits until the process has ended. Returns false if it does not within `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let mut status = self.state.exit_status.lock();
        self.state
            .changed
            .wait_while_for(&mut status, |status| status.is_none(), limit);
        status.is_some()
    }
}

/// A process number, as system calls take it.
pub(crate) fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}
