//! Hot standbys: created by `pg_basebackup`, updated by streaming replication through a slot.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::binaries::Binaries;
use crate::client::quoted;
use crate::cluster::Cluster;
use crate::error::PgError;
use crate::folder::{Folder, sibling};
use crate::launcher::ParentDeathSignal;
use crate::postmaster::wait_for_other_server;
use crate::programs::Programs;
use crate::slots::Unusable;
use crate::standby_config::{PrimaryServer, REPLICATION_ROLE, SIGNAL_FILE, StandbyConfig};
use crate::start::SHUTDOWN_TIMEOUT;
use crate::{create, slots};

/// The file in a standby's folder that has the replication password.
const PASSFILE: &str = "replicator.pgpass";
/// How long a standby may take until it follows its primary.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(15);

impl Cluster {
    /// Creates the role with which standbys replicate, or sets its password. The role may also
    /// read `pg_stat_replication`.
    ///
    /// # Errors
    /// [`PgError::Program`] with PostgreSQL's message. [`PgError::NoProgram`] if `psql` is missing.
    pub fn allow_replication(&self, password: &str) -> Result<(), PgError> {
        let (role, password) = (REPLICATION_ROLE, quoted(password));
        // The log would contain a failing statement, and so the password.
        let sql = format!(
            "set log_min_error_statement = 'panic';
             set log_statement = 'none';
             do $$ begin create role {role}; exception when duplicate_object then null; end $$;
             alter role {role} with login replication password {password};
             grant pg_read_all_stats to {role};"
        );
        self.client().run(&sql).map(drop)
    }

    /// Starts a hot standby of another cluster and waits until it accepts connections, as
    /// [`Cluster::start`] does. A missing folder is created as a copy of the primary. A standby
    /// that was promoted stays promoted.
    ///
    /// # Errors
    /// Those of [`Cluster::start`]. [`PgError::BadName`]. [`PgError::NoProgram`].
    /// [`PgError::Program`] if the primary cannot be copied.
    pub fn start_standby(binaries: &Binaries, config: StandbyConfig) -> Result<Self, PgError> {
        let slot = slots::slot_name(&config.name)?;
        let folder = Folder::lock(&config.server.data)?;
        let programs = Programs::new(binaries, &folder)?;
        create::create_if_missing(&programs, &folder, |new| {
            slots::create(&programs, &config.primary, &slot)?;
            copy(&programs, &config.primary, &slot, new)
        })?;
        write_passfile(&programs, &folder, &config.primary)?;
        let mut server = config.server;
        let mut settings = replication_settings(&config.name, &slot, &config.primary, &folder);
        settings.append(&mut server.settings);
        server.settings = settings;
        Self::run(folder, programs, server)
    }

    /// Starts a hot standby and waits until it follows its primary, which must be running. A
    /// standby that can no longer follow the primary is rebuilt. The reason is then returned beside
    /// the standby.
    ///
    /// # Errors
    /// Those of [`Cluster::start_standby`]. [`PgError::NotFollowing`] if a rebuilt standby does not
    /// follow the primary within 15 seconds.
    pub fn start_following(
        binaries: &Binaries,
        config: StandbyConfig,
    ) -> Result<(Self, Option<Unusable>), PgError> {
        let mut unusable = slots::check_usable(binaries, &config)?;
        if unusable.is_none() {
            match Self::start_standby(binaries, config.clone()) {
                Ok(standby) if slots::wait_until_following(&standby, &config, FOLLOW_TIMEOUT)? => {
                    return Ok((standby, None));
                }
                Ok(standby) => standby.stop(SHUTDOWN_TIMEOUT)?,
                Err(PgError::Ended { .. } | PgError::NotReady { .. }) => {}
                Err(error) => return Err(error),
            }
            unusable = Some(Unusable::NotFollowing);
        }
        remove_standby(&config.server.data)?;
        let standby = Self::start_standby(binaries, config.clone())?;
        if slots::wait_until_following(&standby, &config, FOLLOW_TIMEOUT)? {
            return Ok((standby, unusable));
        }
        Err(PgError::NotFollowing {
            data: config.server.data,
            seconds: FOLLOW_TIMEOUT.as_secs(),
            log: config.server.log,
        })
    }

    /// Whether the server is a standby and was not promoted.
    #[must_use]
    pub fn is_standby(&self) -> bool {
        self.data().join(SIGNAL_FILE).exists()
    }

    /// Promotes this standby and waits up to 60 seconds until it accepts writes.
    ///
    /// # Errors
    /// [`PgError::Program`] with PostgreSQL's message.
    pub fn promote(&self) -> Result<(), PgError> {
        self.client().run("select pg_promote(true, 60)").map(drop)
    }

    /// Drops the replication slot of the standby `name`, so that this server no longer keeps WAL
    /// for it. The standby should have ended. Without such a slot, this does nothing.
    ///
    /// # Errors
    /// [`PgError::BadName`]. [`PgError::Program`] with PostgreSQL's message.
    pub fn forget_standby(&self, name: &str) -> Result<(), PgError> {
        self.client()
            .run(&slots::drop_slot_sql(&slots::slot_name(name)?))
            .map(drop)
    }
}

/// Removes the folder of a standby. Waits up to 10 seconds for its server to end.
///
/// # Errors
/// [`PgError::InUse`] if the server still runs. [`PgError::Io`] if the folder cannot be removed.
pub fn remove_standby(data: &Path) -> Result<(), PgError> {
    let folder = Folder::lock(data)?;
    wait_for_other_server(folder.data())?;
    create::remove(&sibling(folder.data(), "new"))?;
    create::remove(folder.data())
}

fn copy(
    programs: &Programs,
    primary: &PrimaryServer,
    slot: &str,
    new: &Path,
) -> Result<(), PgError> {
    let port = primary.port;
    let output = programs
        .command("pg_basebackup", ParentDeathSignal::Kill)?
        .args(["-w", "--checkpoint=fast", "--wal-method=stream"])
        .args(["--write-recovery-conf", "--slot", slot])
        .arg("-d")
        .arg(format!(
            "host=127.0.0.1 port={port} user={REPLICATION_ROLE} connect_timeout=5"
        ))
        .arg("-D")
        .arg(new)
        .env("PGPASSWORD", &primary.replication_password)
        .output()
        .map_err(PgError::io("run PostgreSQL's `pg_basebackup`"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PgError::program("pg_basebackup", &output))
}

/// The settings of a standby. On the command line they override those that `pg_basebackup` wrote,
/// and so follow a change of the primary's port.
fn replication_settings(
    name: &str,
    slot: &str,
    primary: &PrimaryServer,
    folder: &Folder,
) -> Vec<(String, String)> {
    let (port, passfile) = (primary.port, conninfo_value(&passfile(folder)));
    let connect = format!(
        "host=127.0.0.1 port={port} user={REPLICATION_ROLE} passfile={passfile} \
         application_name={name} connect_timeout=5"
    );
    [
        ("primary_conninfo", &*connect),
        ("primary_slot_name", slot),
        ("hot_standby", "on"),
        ("hot_standby_feedback", "on"),
        // The standby reconnects soon after an outage of its primary, and reports its progress.
        ("wal_retrieve_retry_interval", "500ms"),
        ("wal_receiver_status_interval", "1s"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn passfile(folder: &Folder) -> PathBuf {
    folder.data().join(PASSFILE)
}

/// The path, quoted as a value of a connection string.
fn conninfo_value(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("'{}'", path.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn write_passfile(
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
    programs.chown_file(&file)?;
    writeln!(file, "*:*:*:{REPLICATION_ROLE}:{password}").map_err(failed())
}
