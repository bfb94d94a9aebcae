use std::{
    io,
    process::Command,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// A child process with a thread of its own that starts it and waits for it.
///
/// The thread has to live as long as the child: Linux sends the parent-death signal when the
/// *thread* that started a child ends, not when the process does.
pub(crate) struct Process {
    pid: u32,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    ended: Mutex<Option<String>>,
    changed: Condvar,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
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
            *shared.lock() = Some(status);
            shared.changed.notify_all();
        })?;
        let pid = pid.recv().map_err(io::Error::other)??;
        Ok(Self { pid, state })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, e.g. `exit status: 1`; nothing while it runs.
    pub(crate) fn ended(&self) -> Option<String> {
        self.state.lock().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let ended = self.state.lock();
        if ended.is_none() {
            // It can only fail because the process is ending just now.
            kill(pid(self.pid), signal).unwrap_or(());
        }
    }

    /// Waits until it ended, at most `limit`; whether it did.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let ended = self.state.lock();
        let (ended, _) = self
            .state
            .changed
            .wait_timeout_while(ended, limit, |ended| ended.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        ended.is_some()
    }
}

/// A process number for system calls.
pub(crate) fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}
