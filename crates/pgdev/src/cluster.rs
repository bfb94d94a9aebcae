//! A running cluster: its configuration, start, shutdown and connection URL.

use std::fmt;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::binaries::Binaries;
use crate::client::Client;
use crate::error::PgError;
use crate::folder::Folder;
use crate::initdb::init_if_missing;
use crate::log::Log;
use crate::postmaster::wait_for_other_server;
use crate::process::Process;
use crate::programs::Programs;
use crate::start::{SHUTDOWN_TIMEOUT, ServerStart};

/// The name of PostgreSQL's superuser.
pub(crate) const SUPERUSER: &str = "postgres";

/// The configuration of a cluster.
#[derive(Clone)]
pub struct ClusterConfig {
    /// The cluster's folder. It and its parents are created if absent. Next to it are the file
    /// `<data>.lock` and, while the cluster is created, the folder `<data>.new`.
    pub data: PathBuf,
    /// PostgreSQL's log file, which is appended to. Created with mode 0600 if absent.
    pub log: PathBuf,
    /// The password of the role `postgres`, without control characters. A new cluster gets this
    /// password. For an existing cluster, it must be the password with which it was created.
    pub superuser_password: String,
    /// The preferred port. If it is taken, another free port is used.
    pub port: Option<u16>,
    /// Further server settings as (name, value), visible to all users of the machine. Values for
    /// `listen_addresses`, `port` and `unix_socket_directories` are overridden.
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

/// A running PostgreSQL server and its cluster.
///
/// Drop performs an "immediate" shutdown and waits for it; the next start then recovers as after a
/// crash. Prefer [`Cluster::stop`].
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
    /// Creates the cluster if the folder has none, starts the server and waits up to 60 seconds
    /// until it accepts connections. Waits up to 10 seconds for a previous server in the same
    /// folder to end.
    ///
    /// # Errors
    /// [`PgError::InUse`] if another server runs in the folder. [`PgError::CannotEnter`] if
    /// PostgreSQL's account cannot enter the folder. [`PgError::InitDb`], [`PgError::Ended`] and
    /// [`PgError::NotReady`] with PostgreSQL's output. Other variants as described there.
    pub fn start(binaries: &Binaries, config: ClusterConfig) -> Result<Self, PgError> {
        let folder = Folder::lock(&config.data)?;
        let programs = Programs::new(binaries, &folder)?;
        init_if_missing(&programs, &folder, &config.superuser_password)?;
        Self::run(folder, programs, config)
    }

    /// Starts the server in a folder that has a cluster.
    pub(crate) fn run(
        folder: Folder,
        programs: Programs,
        config: ClusterConfig,
    ) -> Result<Self, PgError> {
        wait_for_other_server(folder.data())?;
        let start = ServerStart {
            programs: &programs,
            folder: &folder,
            settings: &config.settings,
        };
        let (process, port) = start.on_free_port(config.port, &Log::open(&config.log)?)?;
        Ok(Self {
            process,
            port,
            password: config.superuser_password,
            programs,
            folder,
        })
    }

    /// The cluster's folder, as an absolute path.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.data()
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// A client that runs SQL as the superuser.
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

    /// The process number of the server's main process (the postmaster).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The connection URL of the superuser, which contains the password:
    /// `postgresql://postgres:<password>@127.0.0.1:<port>/<database>`. The password and the
    /// database's name are percent-encoded (RFC 3986 § 2.1).
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let password = percent_encoded(&self.password);
        let database = percent_encoded(database);
        format!(
            "postgresql://postgres:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Whether the server is running. It can also end by itself.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Waits until the server has ended by itself. Returns false if it does not within `limit`.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> bool {
        self.process.wait(limit)
    }

    /// Performs a "fast" shutdown, which disconnects clients; after `timeout`, an "immediate"
    /// shutdown; after another 10 seconds, sends SIGKILL. Returns when the server has ended.
    ///
    /// # Errors
    /// [`PgError::NotEnding`] if the server does not end within 10 seconds after SIGKILL.
    pub fn stop(self, timeout: Duration) -> Result<(), PgError> {
        self.end_by(&[
            (Signal::SIGINT, timeout),
            (Signal::SIGQUIT, SHUTDOWN_TIMEOUT),
            (Signal::SIGKILL, SHUTDOWN_TIMEOUT),
        ])
    }

    /// Kills the server's main process (SIGKILL), as in a crash, and waits until it has ended. Its
    /// children end by themselves shortly after; a new start in the same folder waits for them.
    pub fn kill(self) {
        self.end_by(&[(Signal::SIGKILL, SHUTDOWN_TIMEOUT)])
            .unwrap_or(());
    }

    fn end_by(&self, steps: &[(Signal, Duration)]) -> Result<(), PgError> {
        let ended = steps.iter().any(|(signal, timeout)| {
            self.process.signal(*signal);
            // A process that is stopped (SIGSTOP) does not handle other signals.
            self.process.signal(Signal::SIGCONT);
            self.process.wait(*timeout)
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
            let steps = [
                (Signal::SIGQUIT, SHUTDOWN_TIMEOUT),
                (Signal::SIGKILL, SHUTDOWN_TIMEOUT),
            ];
            self.end_by(&steps).unwrap_or(());
        }
    }
}

fn percent_encoded(text: &str) -> String {
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
