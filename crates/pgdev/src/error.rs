//! Errors of the search for, the start of and the work with PostgreSQL.

use std::io;
use std::path::PathBuf;
use std::process::Output;

/// The reason why PostgreSQL could not be found, started, used or stopped. No message contains a
/// password.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// No server programs are in any of the folders that are searched.
    #[error(
        "PostgreSQL is not installed: neither /usr/lib/postgresql/*/bin nor a folder in PATH has \
         both `initdb` and `postgres`.\n\
         Install it:\n  \
         Debian, Ubuntu:  apt-get install postgresql\n  \
         Fedora, RHEL:    dnf install postgresql-server\n  \
         macOS:           brew install postgresql\n\
         If it is installed elsewhere, set STRONGROOM_PG_BIN to the folder that has `initdb` and \
         `postgres`."
    )]
    NotInstalled,
    /// `STRONGROOM_PG_BIN` is set to a folder without the server programs.
    #[error(
        "STRONGROOM_PG_BIN is set to {}, but that folder has no program `{missing}`; set it to the \
         folder that has PostgreSQL's `initdb` and `postgres`, or unset it",
        .value.display()
    )]
    BadBinaries {
        /// The variable's value.
        value: PathBuf,
        /// The program that is missing.
        missing: &'static str,
    },
    /// This process runs as root, and no other account can run PostgreSQL.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a \
         user `nobody`; create one of them, or run this program as another user"
    )]
    NoAccount,
    /// The account that runs PostgreSQL cannot enter a folder.
    #[error(
        "PostgreSQL runs as the user `{user}`, which cannot enter the folder {}; choose another \
         folder, or let that user enter this one",
        .folder.display()
    )]
    CannotEnter {
        /// The name of the account.
        user: String,
        /// The topmost folder that it cannot enter.
        folder: PathBuf,
    },
    /// The superuser's password is empty or contains control characters.
    #[error("the PostgreSQL superuser's password must not be empty or contain control characters")]
    UnusablePassword,
    /// The folder has other content than a database cluster.
    #[error(
        "{} is neither empty nor a PostgreSQL database cluster (it has no file PG_VERSION); \
         choose another folder",
        .0.display()
    )]
    NotACluster(PathBuf),
    /// Another PostgreSQL server, or another program that runs one, uses the folder.
    #[error(
        "another PostgreSQL{} is running in {}; stop the program that started it, then try again",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), .data.display()
    )]
    InUse {
        /// The cluster's folder.
        data: PathBuf,
        /// The process number of the other server, if known.
        pid: Option<u32>,
    },
    /// `initdb` failed.
    #[error("PostgreSQL's `initdb` failed for {} ({status}):\n{stderr}", .data.display())]
    InitDb {
        /// The cluster's folder.
        data: PathBuf,
        /// The exit status, such as `exit status: 1`.
        status: String,
        /// Its standard error.
        stderr: String,
    },
    /// The server ended before it accepted connections.
    #[error(
        "PostgreSQL ended during its start ({status}); the last lines of its log {}:\n{tail}",
        .log.display()
    )]
    Ended {
        /// The exit status, such as `exit status: 1`.
        status: String,
        /// The log file.
        log: PathBuf,
        /// The last lines that the server wrote to the log during this start.
        tail: String,
    },
    /// The server did not accept connections in time, and was stopped.
    #[error(
        "PostgreSQL did not accept connections within {seconds} seconds of its start, and was \
         stopped; the last lines of its log {}:\n{tail}",
        .log.display()
    )]
    NotReady {
        /// The timeout, in seconds.
        seconds: u64,
        /// The log file.
        log: PathBuf,
        /// The last lines that the server wrote to the log during this start.
        tail: String,
    },
    /// A program of PostgreSQL that standbys require is missing.
    #[error(
        "standbys require PostgreSQL's program `{program}`, which is not in {}; install \
         PostgreSQL's client programs there (Debian, Ubuntu: apt-get install postgresql-client)",
        .dir.display()
    )]
    NoProgram {
        /// The folder that was searched.
        dir: PathBuf,
        /// The program that is missing.
        program: &'static str,
    },
    /// A program of PostgreSQL failed.
    #[error("PostgreSQL's `{program}` failed ({status}): {stderr}")]
    Program {
        /// The name of the program.
        program: &'static str,
        /// The exit status, such as `exit status: 1`.
        status: String,
        /// Its standard error.
        stderr: String,
    },
    /// The name of a standby is invalid.
    #[error(
        "{0:?} is not a valid name of a standby; a name has 1 to 63 characters from a-z, 0-9, `-` \
         and `_`"
    )]
    BadName(String),
    /// A rebuilt standby does not follow its primary.
    #[error(
        "the standby in {} was rebuilt, but does not follow its primary after {seconds} seconds; \
         PostgreSQL's log {} has the reason",
        .data.display(),
        .log.display()
    )]
    NotFollowing {
        /// The standby's folder.
        data: PathBuf,
        /// The timeout, in seconds.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },
    /// The server did not end after SIGKILL.
    #[error("PostgreSQL (process {0}) did not end after SIGKILL; its disk may not respond")]
    NotEnding(u32),
    /// An operation on a file, folder, port or process failed.
    #[error("could not {action}: {source}")]
    Io {
        /// The operation, as a verb phrase with the path.
        action: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl PgError {
    /// The error of a program that ended with this output.
    pub(crate) fn program(program: &'static str, output: &Output) -> Self {
        Self::Program {
            program,
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }
    }

    /// A function that makes the error of a failed `action`.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}
