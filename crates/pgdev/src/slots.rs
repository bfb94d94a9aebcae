//! Replication slots: their creation and removal, and whether a standby can still use its slot.

use std::fmt;
use std::time::Duration;

use crate::binaries::Binaries;
use crate::client::{Client, quoted};
use crate::cluster::Cluster;
use crate::create::is_cluster;
use crate::error::PgError;
use crate::folder::Folder;
use crate::programs::Programs;
use crate::standby_config::{PrimaryServer, REPLICATION_ROLE, SIGNAL_FILE, StandbyConfig};
use crate::wait::wait_until;

/// The reason why a standby's folder can no longer be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The standby was promoted, so it no longer follows the primary.
    Promoted,
    /// The primary has no replication slot for the standby.
    NoSlot,
    /// The primary has removed WAL that the standby had not received yet.
    TooFarBehind,
    /// The standby does not follow the primary, for example because their histories differ. Its
    /// log has the reason.
    NotFollowing,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promoted => "it was promoted",
            Self::NoSlot => "the primary has no replication slot for it",
            Self::TooFarBehind => "the primary has removed WAL that it had not received yet",
            Self::NotFollowing => "it does not follow the primary; its log has the reason",
        })
    }
}

/// Determines, before the start of a standby, whether its folder can no longer be used. Returns
/// `None` if the folder has no cluster yet.
pub(crate) fn check_usable(
    binaries: &Binaries,
    config: &StandbyConfig,
) -> Result<Option<Unusable>, PgError> {
    let slot = quoted(&slot_name(&config.name)?);
    let folder = Folder::lock(&config.server.data)?;
    if !is_cluster(folder.data())? {
        return Ok(None);
    }
    if !folder.data().join(SIGNAL_FILE).exists() {
        return Ok(Some(Unusable::Promoted));
    }
    let programs = Programs::new(binaries, &folder)?;
    let status = replicator(&programs, &config.primary).run(&format!(
        "select coalesce(wal_status, 'lost') from pg_replication_slots where slot_name = {slot}"
    ))?;
    Ok(match &*status {
        "" => Some(Unusable::NoSlot),
        "lost" => Some(Unusable::TooFarBehind),
        _ => None,
    })
}

/// Waits until a standby receives WAL from its primary. Returns false if it does not within
/// `limit`.
///
/// The primary is queried, because a standby reports that it receives before the primary has
/// accepted it.
pub(crate) fn wait_until_following(
    standby: &Cluster,
    config: &StandbyConfig,
    limit: Duration,
) -> Result<bool, PgError> {
    let sender = format!(
        "select 1 from pg_stat_replication join pg_replication_slots on active_pid = pid
         where slot_name = {} and state in ('catchup', 'streaming')",
        quoted(&slot_name(&config.name)?)
    );
    let primary = replicator(standby.programs(), &config.primary);
    wait_until(limit, || match primary.run(&sender) {
        Ok(answer) => Ok(answer == "1"),
        Err(PgError::Program { .. }) => Ok(false),
        Err(error) => Err(error),
    })
}

fn replicator<'a>(programs: &'a Programs, primary: &'a PrimaryServer) -> Client<'a> {
    Client {
        programs,
        port: primary.port,
        role: REPLICATION_ROLE,
        password: &primary.replication_password,
    }
}

/// Creates the slot, before the copy begins.
///
/// `pg_basebackup` would create it after the start of the copy. WAL that the checkpoint of another
/// copy removes in between would be missing. A slot that an interrupted attempt or a removed
/// standby has left is replaced.
pub(crate) fn create(
    programs: &Programs,
    primary: &PrimaryServer,
    slot: &str,
) -> Result<(), PgError> {
    let drop_slot = drop_slot_sql(slot);
    let slot = quoted(slot);
    replicator(programs, primary)
        .run(&format!(
            "{drop_slot} select pg_create_physical_replication_slot({slot}, true);"
        ))
        .map(drop)
}

/// SQL that drops the slot if it exists. It first terminates the slot's sender, which may still
/// wait for a standby that was killed.
pub(crate) fn drop_slot_sql(slot: &str) -> String {
    let slots = format!(
        "from pg_replication_slots where slot_name = {}",
        quoted(slot)
    );
    format!(
        "select pg_terminate_backend(active_pid, 10000) {slots} and active;
         select pg_drop_replication_slot(slot_name) {slots};"
    )
}

/// The name of the slot of the standby `name`.
pub(crate) fn slot_name(name: &str) -> Result<String, PgError> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
    if name.is_empty() || name.len() > 63 || !name.chars().all(allowed) {
        return Err(PgError::BadName(name.to_owned()));
    }
    Ok(name.replace('-', "_"))
}
