use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    PgError,
    folder::{Folder, wait_until},
    launcher::OnOurDeath,
    log::Log,
    postmaster,
    process::Process,
    programs::Programs,
};

/// Crash recovery may take a while.
const READY: Duration = Duration::from_secs(60);
/// How long the server may take to end once it has to.
pub(crate) const ENDING: Duration = Duration::from_secs(10);
const PORTS_TRIED: usize = 5;

/// What is needed to start a server in a folder that has a cluster.
pub(crate) struct Start<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) folder: &'a Folder,
    pub(crate) settings: &'a [(String, String)],
}

impl Start<'_> {
    /// A port that's free when we look may be taken when PostgreSQL comes to it.
    pub(crate) fn on_a_free_port(
        &self,
        wish: Option<u16>,
        log: &Log,
    ) -> Result<(Process, u16), PgError> {
        let mut wish = wish;
        let mut tries = 1;
        loop {
            let port = free_port(wish.take())?;
            let begin = log.end();
            match self.on_port(port, log, begin) {
                Err(PgError::Ended { .. })
                    if tries < PORTS_TRIED
                        && log.tail(begin).contains("Address already in use") => {}
                result => return result.map(|process| (process, port)),
            }
            tries += 1;
        }
    }

    fn on_port(&self, port: u16, log: &Log, begin: u64) -> Result<Process, PgError> {
        let mut command = self.programs.command("postgres", OnOurDeath::Quit)?;
        command.arg("-D").arg(self.folder.data());
        // What a standby that is away may cost its primary; settings that come later count.
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
        command.stdin(self.folder.claim_for_child()?);
        command.stdout(log.for_child()?).stderr(log.for_child()?);
        let process = Process::spawn(command).map_err(PgError::io("start PostgreSQL"))?;
        self.await_ready(&process, log, begin)?;
        Ok(process)
    }

    fn await_ready(&self, process: &Process, log: &Log, begin: u64) -> Result<(), PgError> {
        let path = || log.path().to_owned();
        let ready = wait_until(READY, || {
            if let Some(status) = process.ended() {
                return Err(PgError::Ended {
                    status,
                    log: path(),
                    tail: log.tail(begin),
                });
            }
            let recorded = postmaster::recorded(self.folder.data());
            Ok(recorded.is_some_and(|server| server.ready && server.pid == process.pid()))
        })?;
        if ready {
            return Ok(());
        }
        process.signal(Signal::SIGQUIT);
        if !process.wait(ENDING) {
            process.signal(Signal::SIGKILL);
            process.wait(ENDING);
        }
        Err(PgError::NotReady {
            seconds: READY.as_secs(),
            log: path(),
            tail: log.tail(begin),
        })
    }
}

fn free_port(wish: Option<u16>) -> Result<u16, PgError> {
    wish.and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(PgError::io("find a free port on 127.0.0.1"))
}
