use std::{
    fmt::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::{
    Binaries, PgError,
    client::Client,
    folder::Folder,
    initdb,
    log::Log,
    postmaster,
    process::Process,
    programs::Programs,
    start::{ENDING, Start},
};

/// PostgreSQL's superuser.
pub(crate) const SUPERUSER: &str = "postgres";

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
    programs: Programs,
    folder: Folder,
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
    /// Initializes the folder unless it's initialized already, starts the server and waits until
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
        let programs = Programs::new(binaries, &folder)?;
        initdb::ensure(&programs, &folder, &config.superuser_password)?;
        Self::run(folder, programs, config)
    }

    /// Starts the server in a folder that has a cluster.
    pub(crate) fn run(
        folder: Folder,
        programs: Programs,
        config: ClusterConfig,
    ) -> Result<Self, PgError> {
        postmaster::await_foreign(folder.data())?;
        let start = Start {
            programs: &programs,
            folder: &folder,
            settings: &config.settings,
        };
        let (process, port) = start.on_a_free_port(config.port, &Log::open(&config.log)?)?;
        Ok(Self {
            process,
            port,
            password: config.superuser_password,
            programs,
            folder,
        })
    }

    /// Where its files are; an absolute path.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.data()
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Runs SQL as the superuser.
    pub(crate) fn client(&self) -> Client<'_> {
        Client {
            programs: &self.programs,
            port: self.port,
            role: SUPERUSER,
            password: &self.password,
        }
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
            // One that is stopped (SIGSTOP) would never hear of it.
            self.process.signal(Signal::SIGCONT);
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
