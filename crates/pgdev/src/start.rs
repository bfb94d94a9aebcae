//! The start of a server in a folder that has a cluster.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::error::PgError;
use crate::folder::Folder;
use crate::launcher::ParentDeathSignal;
use crate::log::Log;
use crate::postmaster::read_pid_file;
use crate::process::Process;
use crate::programs::Programs;
use crate::wait::wait_until;

/// How long a server may take to accept connections. Crash recovery takes part of it.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGQUIT or SIGKILL.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_PORT_ATTEMPTS: usize = 5;

/// The parameters of a start.
pub(crate) struct ServerStart<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) folder: &'a Folder,
    pub(crate) settings: &'a [(String, String)],
}

impl ServerStart<'_> {
    /// Starts the server on the preferred port if it is free, else on another, and waits until it
    /// accepts connections. Returns the process and its port.
    ///
    /// Another program can take a free port before PostgreSQL does, so up to 5 ports are tried.
    pub(crate) fn on_free_port(
        &self,
        preferred: Option<u16>,
        log: &Log,
    ) -> Result<(Process, u16), PgError> {
        let mut preferred = preferred;
        let mut attempts = 1;
        loop {
            let port = free_port(preferred.take())?;
            let begin = log.end();
            match self.on_port(port, log, begin) {
                Err(PgError::Ended { .. })
                    if attempts < MAX_PORT_ATTEMPTS
                        && log.tail(begin).contains("Address already in use") => {}
                result => return result.map(|process| (process, port)),
            }
            attempts += 1;
        }
    }

    fn on_port(&self, port: u16, log: &Log, begin: u64) -> Result<Process, PgError> {
        let mut command = self.programs.command("postgres", ParentDeathSignal::Quit)?;
        command.arg("-D").arg(self.folder.data());
        // The limit of the WAL that a primary keeps for a standby that is away. The settings below
        // take precedence.
        command.args(["-c", "max_slot_wal_keep_size=1GB"]);
        for (name, value) in self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        command.arg("-c").arg(format!("port={port}"));
        command.stdin(self.folder.lock_handle_for_child()?);
        command.stdout(log.for_child()?).stderr(log.for_child()?);
        let process = Process::spawn(command).map_err(PgError::io("start PostgreSQL"))?;
        self.wait_until_ready(&process, log, begin)?;
        Ok(process)
    }

    fn wait_until_ready(&self, process: &Process, log: &Log, begin: u64) -> Result<(), PgError> {
        let path = || log.path().to_owned();
        let ready = wait_until(READY_TIMEOUT, || {
            if let Some(status) = process.exit_status() {
                return Err(PgError::Ended {
                    status,
                    log: path(),
                    tail: log.tail(begin),
                });
            }
            let file = read_pid_file(self.folder.data());
            Ok(file.is_some_and(|server| server.ready && server.pid == process.pid()))
        })?;
        if ready {
            return Ok(());
        }
        process.signal(Signal::SIGQUIT);
        if !process.wait(SHUTDOWN_TIMEOUT) {
            process.signal(Signal::SIGKILL);
            process.wait(SHUTDOWN_TIMEOUT);
        }
        Err(PgError::NotReady {
            seconds: READY_TIMEOUT.as_secs(),
            log: path(),
            tail: log.tail(begin),
        })
    }
}

fn free_port(preferred: Option<u16>) -> Result<u16, PgError> {
    preferred
        .and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(PgError::io("find a free port on 127.0.0.1"))
}
