//! Replication slots: what a primary keeps for a standby, and whether the standby still finds it there.
use std::{fmt, time::Duration};

use crate::{
    Binaries, Cluster, PgError, PrimaryServer, StandbyConfig,
    client::{Client, quoted},
    folder::{Folder, wait_until},
    fresh,
    programs::Programs,
    standby::{REPLICATOR, SIGNAL},
};

/// Why a standby's folder is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It has been promoted and goes its own way.
    Promoted,
    /// The primary keeps nothing for it.
    NoSlot,
    /// The primary has removed what it had not fetched yet.
    TooFarBehind,
    /// It does not follow, for a reason that its log says; such as another history than the primary's.
    NotFollowing,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promoted => "it was promoted",
            Self::NoSlot => "the primary has no replication slot for it",
            Self::TooFarBehind => "the primary no longer has what it had not fetched yet",
            Self::NotFollowing => "it does not follow the primary; its log says why",
        })
    }
}

/// What can be known before the start.
pub(crate) fn unusable(
    binaries: &Binaries,
    config: &StandbyConfig,
) -> Result<Option<Unusable>, PgError> {
    let slot = quoted(&name(&config.name)?);
    let folder = Folder::claim(&config.server.data)?;
    if !fresh::is_cluster(folder.data())? {
        return Ok(None);
    }
    if !folder.data().join(SIGNAL).exists() {
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

/// Waits until a standby receives from its primary, at most `limit`; whether it does. The primary is asked:
/// a standby takes itself to be receiving before it was let in.
pub(crate) fn follows(
    standby: &Cluster,
    config: &StandbyConfig,
    limit: Duration,
) -> Result<bool, PgError> {
    let sends = format!(
        "select 1 from pg_stat_replication join pg_replication_slots on active_pid = pid
         where slot_name = {} and state in ('catchup', 'streaming')",
        quoted(&name(&config.name)?)
    );
    let primary = replicator(standby.programs(), &config.primary);
    wait_until(limit, || match primary.run(&sends) {
        Ok(answer) => Ok(answer == "1"),
        Err(PgError::Program { .. }) => Ok(false),
        Err(error) => Err(error),
    })
}

fn replicator<'a>(programs: &'a Programs, primary: &'a PrimaryServer) -> Client<'a> {
    Client {
        programs,
        port: primary.port,
        role: REPLICATOR,
        password: &primary.replication_password,
    }
}

/// Before the copy begins: `pg_basebackup` makes its slot only afterwards, and what another copy's
/// checkpoint removes in between would be missing. A slot may be there, left by a try that was
/// interrupted or by a standby that was removed.
pub(crate) fn make(
    programs: &Programs,
    primary: &PrimaryServer,
    slot: &str,
) -> Result<(), PgError> {
    let forgetting = forgetting(slot);
    let slot = quoted(slot);
    replicator(programs, primary)
        .run(&format!(
            "{forgetting} select pg_create_physical_replication_slot({slot}, true);"
        ))
        .map(drop)
}

/// The sender of a standby that ended without a word may still be waiting for it.
pub(crate) fn forgetting(slot: &str) -> String {
    let slots = format!(
        "from pg_replication_slots where slot_name = {}",
        quoted(slot)
    );
    format!(
        "select pg_terminate_backend(active_pid, 10000) {slots} and active;
         select pg_drop_replication_slot(slot_name) {slots};"
    )
}

/// The slot of a standby.
pub(crate) fn name(name: &str) -> Result<String, PgError> {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
    if name.is_empty() || name.len() > 63 || !name.chars().all(allowed) {
        return Err(PgError::BadName(name.to_owned()));
    }
    Ok(name.replace('-', "_"))
}
