use std::{
    fmt::{self, Write},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    Binaries, PgError,
    folder::{Folder, wait_until},
    initdb,
    launcher::{Launcher, OnOurDeath},
    log::Log,
    postmaster,
    process::Process,
};

/// Crash recovery may take a while.
const READY: Duration = Duration::from_secs(60);
const ENDING: Duration = Duration::from_secs(10);
const PORTS_TRIED: usize = 5;

/// What to run.
#[derive(Clone)]
pub struct ClusterConfig {
    /// The cluster's folder, created when absent (then also its parents). Next to it there will
    /// be a file `<data>.lock`, and `<data>.new` while the cluster is being made.
    pub data: PathBuf,
    /// PostgreSQL's log file; appended to, created with mode 0600 when absent.
    pub log: PathBuf,
    /// Password of the role `postgres`, without control characters. It's given to a new cluster;
    /// for one that exists it has to be the same as at first.
    pub superuser_password: String,
    /// The port to try first. When it's taken, another free one is used.
    pub port: Option<u16>,
    /// Further server settings as (name, value), visible to all users of the machine.
    /// `listen_addresses`, `port` and `unix_socket_directories` are not up to the caller.
    pub settings: Vec<(String, String)>,
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("data", &self.data)
            .field("log", &self.log)
            .field("port", &self.port)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A running PostgreSQL. Dropping it shuts the server down immediately and waits for that; the
/// next start then recovers as after a crash. Prefer [`Cluster::stop`].
pub struct Cluster {
    process: Process,
    port: u16,
    password: String,
    _folder: Folder,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = f.debug_struct("Cluster");
        this.field("pid", &self.pid())
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Initialises the folder unless it's initialised already, starts the server and waits until
    /// it accepts connections, at most 60 seconds. Waits up to 10 seconds for a previous server
    /// in the same folder to end.
    ///
    /// # Errors
    /// [`PgError::InUse`] when another server runs in the folder, [`PgError::CannotEnter`] when
    /// the account that PostgreSQL runs as cannot get there, [`PgError::InitDb`],
    /// [`PgError::Ended`] and [`PgError::NotReady`] with PostgreSQL's own words, and the other
    /// variants as described there.
    pub fn start(binaries: &Binaries, config: ClusterConfig) -> Result<Self, PgError> {
        let folder = Folder::claim(&config.data)?;
        let launcher = Launcher::new(folder.data(), &[folder.parent(), binaries.dir()])?;
        initdb::ensure(binaries, &launcher, &folder, &config.superuser_password)?;
        postmaster::await_foreign(folder.data())?;
        let start = Start {
            binaries,
            launcher,
            folder: &folder,
            settings: &config.settings,
        };
        let (process, port) = start.on_a_free_port(config.port, &Log::open(&config.log)?)?;
        Ok(Self {
            process,
            port,
            password: config.superuser_password,
            _folder: folder,
        })
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's main process (the postmaster).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where clients connect as the superuser, with the password in it:
    /// `postgresql://postgres:<password>@127.0.0.1:<port>/<database>`. The password and the
    /// database's name are percent-encoded.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (password, database) = (encoded(&self.password), encoded(database));
        format!(
            "postgresql://postgres:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Whether the server is still running; it may have ended by itself.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.ended().is_none()
    }

    /// Waits until the server ended by itself, at most `limit`; whether it did.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> bool {
        self.process.wait(limit)
    }

    /// Shuts down orderly, disconnecting clients (a "fast" shutdown); after `patience`
    /// immediately, and after another 10 seconds by SIGKILL. Returns when the server has ended.
    ///
    /// # Errors
    /// [`PgError::NotEnding`] when not even SIGKILL ended it within 10 seconds.
    pub fn stop(self, patience: Duration) -> Result<(), PgError> {
        self.end_by(&[
            (Signal::SIGINT, patience),
            (Signal::SIGQUIT, ENDING),
            (Signal::SIGKILL, ENDING),
        ])
    }

    /// Kills the server's main process as a crash would (SIGKILL) and waits for its end. Its
    /// children end shortly after by themselves; a new start in the same folder awaits that.
    pub fn kill(self) {
        self.end_by(&[(Signal::SIGKILL, ENDING)]).unwrap_or(());
    }

    fn end_by(&self, steps: &[(Signal, Duration)]) -> Result<(), PgError> {
        let ended = steps.iter().any(|(signal, patience)| {
            self.process.signal(*signal);
            self.process.wait(*patience)
        });
        if ended {
            Ok(())
        } else {
            Err(PgError::NotEnding(self.pid()))
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_running() {
            let steps = [(Signal::SIGQUIT, ENDING), (Signal::SIGKILL, ENDING)];
            self.end_by(&steps).unwrap_or(());
        }
    }
}

struct Start<'a> {
    binaries: &'a Binaries,
    launcher: Launcher,
    folder: &'a Folder,
    settings: &'a [(String, String)],
}

impl Start<'_> {
    /// A port that's free when we look may be taken when PostgreSQL comes to it.
    fn on_a_free_port(&self, wish: Option<u16>, log: &Log) -> Result<(Process, u16), PgError> {
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
        let mut command = self
            .launcher
            .command(&self.binaries.dir().join("postgres"), OnOurDeath::Quit);
        command.arg("-D").arg(self.folder.data());
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

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                url.push(byte.into());
            }
            // Writing to a string cannot fail.
            _ => write!(url, "%{byte:02X}").unwrap_or(()),
        }
        url
    })
}
