//! Hot standbys: made by `pg_basebackup`, kept up to date by streaming replication through a slot.
use std::{
    fmt,
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Binaries, Cluster, ClusterConfig, PgError,
    client::quoted,
    folder::{Folder, sibling},
    fresh,
    launcher::OnOurDeath,
    postmaster,
    programs::Programs,
    slots::{self, Unusable},
    start::ENDING,
};

/// The role that standbys replicate as.
pub(crate) const REPLICATOR: &str = "replicator";
/// Holds the replicator's password, within the standby's folder.
const PASSFILE: &str = "replicator.pgpass";
/// With this file PostgreSQL starts as a standby; promotion removes it.
pub(crate) const SIGNAL: &str = "standby.signal";
/// How long a standby may take to begin to follow its primary.
const FOLLOWING: Duration = Duration::from_secs(15);

/// The server that a standby follows.
#[derive(Clone)]
pub struct PrimaryServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The password given to [`Cluster::allow_replication`].
    pub replication_password: String,
}

/// What standby to run.
#[derive(Clone)]
pub struct StandbyConfig {
    /// Its `application_name` at the primary; and, with `_` for `-`, its replication slot there.
    /// 1 to 63 characters out of a-z, 0-9, `-` and `_`.
    pub name: String,
    /// The standby's folder, log, first port and further settings. `superuser_password` has to be
    /// the primary's, and settings such as `max_connections` no smaller than there.
    pub server: ClusterConfig,
    /// The server to follow.
    pub primary: PrimaryServer,
}

impl fmt::Debug for StandbyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandbyConfig")
            .field("name", &self.name)
            .field("server", &self.server)
            .field("primary", &self.primary.port)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Makes the role that standbys replicate as, or gives it this password. It may also see who
    /// replicates.
    ///
    /// # Errors
    /// [`PgError::Program`] with PostgreSQL's own words, [`PgError::NoProgram`] without `psql`.
    pub fn allow_replication(&self, password: &str) -> Result<(), PgError> {
        let password = quoted(password);
        // A failing statement would be logged with the password in it.
        let sql = format!(
            "set log_min_error_statement = 'panic';
             set log_statement = 'none';
             do $$ begin create role {REPLICATOR}; exception when duplicate_object then null; end $$;
             alter role {REPLICATOR} with login replication password {password};
             grant pg_read_all_stats to {REPLICATOR};"
        );
        self.client().run(&sql).map(drop)
    }

    /// Starts a hot standby of another cluster and waits until it answers reads, as
    /// [`Cluster::start`] does. Its folder is made from the primary when it is not there. One that
    /// was promoted stays promoted.
    ///
    /// # Errors
    /// Those of [`Cluster::start`], [`PgError::BadName`], [`PgError::NoProgram`], and
    /// [`PgError::Program`] when the primary cannot be copied.
    pub fn start_standby(binaries: &Binaries, config: StandbyConfig) -> Result<Self, PgError> {
        let slot = slots::name(&config.name)?;
        let folder = Folder::claim(&config.server.data)?;
        let programs = Programs::new(binaries, &folder)?;
        fresh::ensure(&programs, &folder, |fresh| {
            slots::make(&programs, &config.primary, &slot)?;
            copy(&programs, &config.primary, &slot, fresh)
        })?;
        keep_password(&programs, &folder, &config.primary)?;
        let mut server = config.server;
        let mut settings = follow(&config.name, &slot, &config.primary, &folder);
        settings.append(&mut server.settings);
        server.settings = settings;
        Self::run(folder, programs, server)
    }

    /// Starts a hot standby, and waits until it follows its primary, which has to be running. A folder
    /// that is of no use any more is removed and made anew; the reason is returned beside the standby.
    ///
    /// # Errors
    /// Those of [`Cluster::start_standby`]; [`PgError::NotFollowing`] when also one that was made
    /// just now does not follow.
    pub fn start_following(
        binaries: &Binaries,
        config: StandbyConfig,
    ) -> Result<(Self, Option<Unusable>), PgError> {
        let mut unusable = slots::unusable(binaries, &config)?;
        if unusable.is_none() {
            match Self::start_standby(binaries, config.clone()) {
                Ok(standby) if slots::follows(&standby, &config, FOLLOWING)? => {
                    return Ok((standby, None));
                }
                Ok(standby) => standby.stop(ENDING)?,
                Err(PgError::Ended { .. } | PgError::NotReady { .. }) => {}
                Err(error) => return Err(error),
            }
            unusable = Some(Unusable::NotFollowing);
        }
        remove_standby(&config.server.data)?;
        let standby = Self::start_standby(binaries, config.clone())?;
        if slots::follows(&standby, &config, FOLLOWING)? {
            return Ok((standby, unusable));
        }
        Err(PgError::NotFollowing {
            data: config.server.data,
            seconds: FOLLOWING.as_secs(),
            log: config.server.log,
        })
    }

    /// Whether it is a standby that has not been promoted.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        self.data().join(SIGNAL).exists()
    }

    /// Makes this standby a primary, and waits until it takes writes.
    ///
    /// # Errors
    /// [`PgError::Program`] with PostgreSQL's own words.
    pub fn promote(&self) -> Result<(), PgError> {
        self.client().run("select pg_promote(true, 60)").map(drop)
    }

    /// Stops keeping WAL for the standby `name`, which should have ended; without such a standby
    /// nothing happens.
    ///
    /// # Errors
    /// [`PgError::BadName`], and [`PgError::Program`] with PostgreSQL's own words.
    pub fn forget_standby(&self, name: &str) -> Result<(), PgError> {
        self.client()
            .run(&slots::forgetting(&slots::name(name)?))
            .map(drop)
    }
}

/// Removes the folder of a standby that does not run, waiting up to 10 seconds for its end.
///
/// # Errors
/// [`PgError::InUse`] when it runs, [`PgError::Io`] when the folder cannot be removed.
pub fn remove_standby(data: &Path) -> Result<(), PgError> {
    let folder = Folder::claim(data)?;
    postmaster::await_foreign(folder.data())?;
    fresh::remove(&sibling(folder.data(), "new"))?;
    fresh::remove(folder.data())
}

fn copy(
    programs: &Programs,
    primary: &PrimaryServer,
    slot: &str,
    fresh: &Path,
) -> Result<(), PgError> {
    let port = primary.port;
    let output = programs
        .command("pg_basebackup", OnOurDeath::Kill)?
        .args(["-w", "--checkpoint=fast", "--wal-method=stream"])
        .args(["--write-recovery-conf", "--slot", slot])
        .arg("-d")
        .arg(format!(
            "host=127.0.0.1 port={port} user={REPLICATOR} connect_timeout=5"
        ))
        .arg("-D")
        .arg(fresh)
        .env("PGPASSWORD", &primary.replication_password)
        .output()
        .map_err(PgError::io("run PostgreSQL's `pg_basebackup`"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PgError::program("pg_basebackup", &output))
}

/// Settings on the command line count more than those that `pg_basebackup` wrote, and follow when
/// the primary gets another port.
fn follow(
    name: &str,
    slot: &str,
    primary: &PrimaryServer,
    folder: &Folder,
) -> Vec<(String, String)> {
    let passfile = passfile(folder);
    let connect = format!(
        "host=127.0.0.1 port={} user={REPLICATOR} passfile={} application_name={name} connect_timeout=5",
        primary.port,
        conninfo(&passfile)
    );
    [
        ("primary_conninfo", &*connect),
        ("primary_slot_name", slot),
        ("hot_standby", "on"),
        ("hot_standby_feedback", "on"),
        // So that it is back soon after its primary was away, and reports how far it is.
        ("wal_retrieve_retry_interval", "500ms"),
        ("wal_receiver_status_interval", "1s"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn passfile(folder: &Folder) -> PathBuf {
    folder.data().join(PASSFILE)
}

fn conninfo(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("'{}'", path.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn keep_password(
    programs: &Programs,
    folder: &Folder,
    primary: &PrimaryServer,
) -> Result<(), PgError> {
    let path = passfile(folder);
    let failed = || PgError::io(format!("write {}", path.display()));
    let password = &primary.replication_password;
    let password = password.replace('\\', "\\\\").replace(':', "\\:");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed())?;
    programs.give_file(&file)?;
    writeln!(file, "*:*:*:{REPLICATOR}:{password}").map_err(failed())
}
