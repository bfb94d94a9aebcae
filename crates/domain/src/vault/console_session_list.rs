//! The sessions of the console that are open, and the end of one of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::audit::event::{Action, Event};
use crate::caller::{Actor, Caller};
use crate::console_session::{HolderKind, LONGEST, LONGEST_IDLE, StoredSession};
use crate::error::VaultError;
use crate::ids::{KeyId, OrgId};
use crate::oauth::client::client_id;
use crate::permission::Permission;
use crate::ports::audit::EventEvidence;
use crate::ports::console_sessions::OpenSessions;
use crate::vault::Vault;

/// The maximum number of sessions in a list.
const LISTED: usize = 1000;

/// A session of the console in a list. It has neither the secret nor the digest.
#[derive(Debug, Clone)]
pub struct ConsoleSession {
    /// The id.
    pub id: KeyId,
    /// What it was begun with: an API key or a client.
    pub holder: Actor,
    /// The name of that, as its row has it; `None` if there is no such row.
    pub holder_name: Option<String>,
    /// The time at which it began.
    pub created_at: DateTime<Utc>,
    /// The time of a recent request, as the row has it.
    pub last_seen_at: DateTime<Utc>,
    /// The address from which it began, as the audit trail proves it.
    pub source: Option<String>,
    /// Whether the request came through it.
    pub is_own: bool,
    /// Whether it can be used.
    pub state: SessionState,
}

/// Whether a session in a list can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// As far as its rows and the audit trail say.
    Open,
    /// Its key or client has ended, or there is none.
    HolderEnded,
    /// The audit trail does not prove that this key or client began it at this time, or records its
    /// end.
    Unproved,
}

/// Open sessions, that with the newest request first.
#[derive(Debug)]
pub struct ConsoleSessions {
    /// The sessions.
    pub items: Vec<ConsoleSession>,
    /// Whether more are open than are listed.
    pub is_cut: bool,
}

/// Name of a key or client, and whether it can be used.
type Holders = HashMap<KeyId, (String, bool)>;

impl Vault {
    /// The open sessions of the organization in which the caller acts: with `keys:manage` all of
    /// them, and otherwise those of the caller's own key or client.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] without `keys:manage` in another organization than that of the
    /// caller's key, or an error of the store.
    pub async fn console_sessions(&self, caller: &Caller) -> Result<ConsoleSessions, VaultError> {
        let holder = match (caller.require(Permission::KeysManage), own_holder(caller)) {
            (Ok(()), _) => None,
            (Err(_), Some(own)) => Some(own),
            (Err(denied), None) => return self.permit(caller, Err(denied)).await,
        };
        let (scope, now) = (caller.scope(), self.now());
        let open = OpenSessions {
            holder,
            created_after: now - LONGEST,
            seen_after: now - LONGEST_IDLE,
        };
        // One row more than are listed shows whether there are more.
        let limit = i64::try_from(LISTED + 1).unwrap_or(i64::MAX);
        let mut rows = self.store.open_console_sessions(scope, open, limit).await?;
        let is_cut = rows.len() > LISTED;
        rows.truncate(LISTED);
        let ids: Vec<KeyId> = rows.iter().map(|row| row.id).collect();
        let begins = self.store.console_sign_ins(scope, &ids).await?;
        let begins = self.proved_events(caller.org(), &begins);
        let holders = self.holders(caller, holder).await?;
        let items = rows.into_iter().map(|row| {
            let begin = begins.iter().find(|event| is_begin(event, &row));
            listed(row, begin, &holders, caller)
        });
        Ok(ConsoleSessions {
            items: items.collect(),
            is_cut,
        })
    }

    /// Ends a session of the organization in which the caller acts: one of its own key or client,
    /// or, with `keys:manage`, any. A session that has ended is not an error.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], or an error of the store.
    pub async fn end_one_console_session(
        &self,
        caller: &Caller,
        id: KeyId,
    ) -> Result<(), VaultError> {
        let Some(found) = self.store.console_session(caller.scope(), id).await? else {
            return Ok(());
        };
        if own_holder(caller) != Some(found.holder) {
            let permitted = caller.require(Permission::KeysManage);
            self.permit(caller, permitted).await?;
        }
        self.end_session(caller, id, "closed").await
    }

    fn proved_events(&self, org: OrgId, found: &[EventEvidence]) -> Vec<Event> {
        let proven = found.iter().filter_map(|evidence| {
            let previous = evidence.previous.as_deref();
            self.chain.prove(org, &evidence.event, previous)
        });
        proven.collect()
    }

    /// The keys and clients of the organization, or the one that is `holder`.
    async fn holders(&self, caller: &Caller, holder: Option<KeyId>) -> Result<Holders, VaultError> {
        let (scope, now) = (caller.scope(), self.now());
        let keys = match holder {
            Some(id) => self.store.api_key(scope, id).await?.into_iter().collect(),
            None => self.store.api_keys(scope).await?,
        };
        let keys = keys.into_iter().map(|key| {
            let is_live = key.revoked_at.is_none() && key.end().is_none_or(|end| end > now);
            (key.id, (key.name, is_live))
        });
        let mut holders: Holders = keys.collect();
        if holder.is_none_or(|id| !holders.contains_key(&id)) {
            let clients = self.store.oauth_clients(scope).await?.into_iter();
            holders.extend(clients.map(|client| {
                let is_live = self.is_current_client(&client);
                (client.id, (client.name, is_live))
            }));
        }
        Ok(holders)
    }
}

/// The caller's key or client, if that belongs to the organization in which it acts.
fn own_holder(caller: &Caller) -> Option<KeyId> {
    match caller.actor() {
        Actor::Key(id) | Actor::Client(id) => (caller.home() == caller.org()).then_some(id),
        Actor::Anonymous | Actor::Operator => None,
    }
}

/// Whether `event` is the beginning of the session.
fn is_begin(event: &Event, session: &StoredSession) -> bool {
    let holder = match session.holder_kind {
        HolderKind::Key => session.holder.to_string(),
        HolderKind::Client => client_id(session.org, session.holder),
    };
    event.action == Action::ConsoleSignIn
        && event.key == Some(session.id)
        && event.actor == holder
        && event.at.timestamp_micros() == session.created_at.timestamp_micros()
}

fn listed(
    row: StoredSession,
    begin: Option<&Event>,
    holders: &Holders,
    caller: &Caller,
) -> ConsoleSession {
    let holder = holders.get(&row.holder);
    let state = match (begin, holder) {
        (Some(_), _) if row.ended => SessionState::Unproved,
        (Some(_), Some((_, true))) => SessionState::Open,
        (Some(_), _) => SessionState::HolderEnded,
        (None, _) => SessionState::Unproved,
    };
    ConsoleSession {
        id: row.id,
        holder: match row.holder_kind {
            HolderKind::Key => Actor::Key(row.holder),
            HolderKind::Client => Actor::Client(row.holder),
        },
        holder_name: holder.map(|(name, _)| name.clone()),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        source: begin.map(|event| event.request.source.clone()),
        is_own: caller.session() == Some(row.id),
        state,
    }
}
