//! What the changes of OAuth 2.0 clients share: the rules of their settings, and how versions are
//! written.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::api_key::limits::KeyLimits;
use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::error::{Denial, FieldError, VaultError};
use crate::ids::KeyId;
use crate::oauth::client::{StoredClient, TOKEN_DURATIONS};
use crate::organization::check_name;
use crate::permission::PermissionSet;
use crate::ports::error::StoreError;
use crate::ports::oauth::OauthWrite;
use crate::ports::store::Committed;
use crate::record_format::TENANTS;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;

/// How often a change is tried while others change the same client.
pub(super) const ATTEMPTS: usize = 5;

impl Vault {
    /// Stores what `change` makes of the newest version of a client.
    pub(super) async fn replace_client(
        &self,
        caller: &Caller,
        id: KeyId,
        (action, level): (Action, Level),
        change: impl Fn(&mut StoredClient) -> Result<(), VaultError>,
    ) -> Result<PendingReplication<StoredClient>, VaultError> {
        for _ in 0..ATTEMPTS {
            let mut client = self.managed_client(caller, id).await?;
            change(&mut client)?;
            client.version += 1;
            let client = self.proved(client)?;
            let event = client_event(caller, action, &client, self.now());
            let write = OauthWrite::ReplaceClient(client.clone());
            if let Some(written) = self.write_client(caller, write, level, event).await? {
                return Ok(written.map(|()| client));
            }
        }
        Err(contended())
    }

    /// Makes `write`; `None` if the client was changed meanwhile.
    pub(super) async fn write_client(
        &self,
        caller: &Caller,
        write: OauthWrite,
        level: Level,
        event: Event,
    ) -> Result<Option<PendingReplication<()>>, VaultError> {
        // Without its event, a version would not count.
        self.require_record_format(TENANTS)?;
        let operation = self.track(caller, level, None)?.operation;
        let scope = caller.scope();
        let position = match self.store.write_oauth(scope, write, operation, event).await {
            Err(StoreError::Conflict) => return Ok(None),
            written => written?,
        };
        let committed = Committed {
            position,
            ..Committed::default()
        };
        Ok(Some(self.pending_replication(
            (),
            level,
            operation,
            committed,
        )))
    }

    pub(super) async fn managed_client(
        &self,
        caller: &Caller,
        id: KeyId,
    ) -> Result<StoredClient, VaultError> {
        let found = self.store.oauth_client(caller.scope(), id).await?;
        let client = found.ok_or(VaultError::NotFound)?;
        match self.is_current_client(&client) {
            true => Ok(client),
            false => Err(VaultError::Integrity(
                "an OAuth 2.0 client is not the one in its audit trail",
            )),
        }
    }

    pub(super) fn proved(&self, client: StoredClient) -> Result<StoredClient, VaultError> {
        let proved = client.proved(&self.service.api_key);
        proved.map_err(|error| VaultError::Internal(error.to_string()))
    }
}

pub(super) fn contended() -> VaultError {
    VaultError::Unavailable("the client was changed concurrently".into())
}

pub(super) fn client_event(
    caller: &Caller,
    action: Action,
    client: &StoredClient,
    at: DateTime<Utc>,
) -> Event {
    let details = Details::new([
        ("scopes", json!(client.limits.permissions)),
        ("organizations", json!(client.limits.organizations)),
        ("access_token_duration", json!(client.access_token_duration)),
    ]);
    let event = Event::by(caller, action, at).about_key(client.id);
    recorded(event.with_details(details), client)
}

/// The same event with the version and the proof of `client`.
pub(super) fn recorded(mut event: Event, client: &StoredClient) -> Event {
    event.version = Some(client.version);
    event.digest = client.proof();
    event
}

pub(super) fn check_settings(
    name: &str,
    scopes: PermissionSet,
    duration: i64,
) -> Result<(), VaultError> {
    let on_name = |error: FieldError| FieldError::new("client_name", error.code, error.message);
    let mut errors: Vec<_> = check_name(name).err().map(on_name).into_iter().collect();
    if scopes.is_empty() {
        let message = "must name at least one scope";
        errors.push(FieldError::new("scopes", "empty", message));
    }
    let (least, most) = TOKEN_DURATIONS;
    if !(least..=most).contains(&duration) {
        let message = format!("must be from {least} to {most} seconds");
        errors.push(FieldError::new(
            "access_token_duration",
            "out_of_range",
            message,
        ));
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(VaultError::Invalid(errors)),
    }
}

// A client has no limits but its scopes and its organizations. A caller that is limited otherwise
// would escape its limits with one.
pub(super) fn check_grant(caller: &Caller, limits: &KeyLimits) -> Result<(), VaultError> {
    let expires = caller.expires_at().map(|_| "expires_at");
    match caller.exceeded_by(limits).or(expires) {
        None => Ok(()),
        Some("permissions") => Err(VaultError::Forbidden(Denial::Grant("scopes"))),
        Some(member) => Err(VaultError::Forbidden(Denial::Grant(member))),
    }
}
