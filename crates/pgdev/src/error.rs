use std::{io, path::PathBuf, process::Output};

/// Why a PostgreSQL could not be found, started or stopped. No message contains a password.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// No server binaries are on this machine, or none where they are looked for.
    #[error(
        "PostgreSQL is not installed: found no folder with both `initdb` and `postgres`, neither \
         /usr/lib/postgresql/*/bin nor one in PATH.\n\
         Install it:\n  \
         Debian, Ubuntu:  apt-get install postgresql\n  \
         Fedora, RHEL:    dnf install postgresql-server\n  \
         macOS:           brew install postgresql\n\
         or, when it is installed somewhere else, set STRONGROOM_PG_BIN to the folder that has \
         `initdb` and `postgres` in it."
    )]
    NotInstalled,
    /// `STRONGROOM_PG_BIN` is set, but to a folder without the server binaries.
    #[error(
        "STRONGROOM_PG_BIN is set to {}, but there is no program `{missing}` in that folder; set \
         it to the folder that has PostgreSQL's `initdb` and `postgres`, or unset it", .value.display()
    )]
    BadBinaries {
        /// The variable's value.
        value: PathBuf,
        /// The program that is missing.
        missing: &'static str,
    },
    /// We are root and there is no other account to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a user `postgres` nor a \
         user `nobody` to run it as; create one of them, or run this program as another user"
    )]
    NoAccount,
    /// The account that PostgreSQL runs as has no way to a folder.
    #[error(
        "PostgreSQL runs as the user `{user}`, and that user may not enter the folder {}; choose \
         another folder, or let that user enter this one", .folder.display()
    )]
    CannotEnter {
        /// Name of the account.
        user: String,
        /// The topmost folder that it cannot enter.
        folder: PathBuf,
    },
    /// The superuser's password cannot be given to `initdb`.
    #[error("the PostgreSQL superuser's password must not be empty nor contain control characters")]
    UnusablePassword,
    /// The folder has something in it which isn't a database cluster.
    #[error(
        "{} is neither empty nor a PostgreSQL database cluster (it has no file PG_VERSION); \
         choose another folder", .0.display()
    )]
    NotACluster(PathBuf),
    /// Another PostgreSQL, or another program that runs one, works in the folder.
    #[error(
        "another PostgreSQL{} is running in {}; stop the program that started it, then try again",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), .data.display()
    )]
    InUse {
        /// The cluster's folder.
        data: PathBuf,
        /// The other server's process, where it is known.
        pid: Option<u32>,
    },
    /// `initdb` did not succeed.
    #[error("PostgreSQL's `initdb` could not prepare {} ({status}):\n{stderr}", .data.display())]
    InitDb {
        /// The cluster's folder.
        data: PathBuf,
        /// How it ended, e.g. `exit status: 1`.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// The server ended before it accepted connections.
    #[error("PostgreSQL ended while starting ({status}); the last lines of its log {}:\n{tail}", .log.display())]
    Ended {
        /// How it ended, e.g. `exit status: 1`.
        status: String,
        /// The log file.
        log: PathBuf,
        /// The last lines that this start wrote to the log.
        tail: String,
    },
    /// The server runs, but does not accept connections.
    #[error(
        "PostgreSQL was started, but did not accept connections within {seconds} seconds and was \
         stopped again; the last lines of its log {}:\n{tail}", .log.display()
    )]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// The log file.
        log: PathBuf,
        /// The last lines that this start wrote to the log.
        tail: String,
    },
    /// A program of PostgreSQL that standbys need is missing.
    #[error(
        "standbys need PostgreSQL's program `{program}`, which is not in {}; install PostgreSQL's \
         client programs there (Debian, Ubuntu: apt-get install postgresql-client)", .dir.display()
    )]
    NoProgram {
        /// Where it was looked for.
        dir: PathBuf,
        /// The program that is missing.
        program: &'static str,
    },
    /// A program of PostgreSQL did not succeed.
    #[error("PostgreSQL's `{program}` failed ({status}): {stderr}")]
    Program {
        /// The program.
        program: &'static str,
        /// How it ended, e.g. `exit status: 1`.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// A standby cannot have this name.
    #[error(
        "{0:?} is no name for a standby: it has 1 to 63 characters out of a-z, 0-9, `-` and `_`"
    )]
    BadName(String),
    /// A standby that was made just now does not follow its primary.
    #[error(
        "the standby in {} was made anew, but did not begin to follow its primary within {seconds} \
         seconds; PostgreSQL's log {} says why", .data.display(), .log.display()
    )]
    NotFollowing {
        /// The standby's folder.
        data: PathBuf,
        /// How long it was waited for.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },
    /// The server does not end, not even when killed.
    #[error("PostgreSQL (process {0}) does not end, not even by SIGKILL; its disk may be hanging")]
    NotEnding(u32),
    /// A file, folder or process could not be worked with.
    #[error("could not {what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

impl PgError {
    pub(crate) fn program(program: &'static str, output: &Output) -> Self {
        Self::Program {
            program,
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
