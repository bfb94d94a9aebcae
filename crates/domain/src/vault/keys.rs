//! Issue, listing, replacement and revocation of API keys.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::json;
use strongroom_crypto::SecretString;

use crate::api_key::end::ScheduledEnd;
use crate::api_key::limits::KeyLimits;
use crate::api_key::{ApiKeyToken, OWN_PERMISSIONS, StoredApiKey};
use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::stored::format_time;
use crate::caller::{Actor, Caller};
use crate::error::{Denial, FieldError, VaultError};
use crate::ids::{KeyId, OrgId};
use crate::organization::check_name;
use crate::permission::{Permission, Role};
use crate::record_format::TENANTS;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;

/// An API key to issue.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The name.
    pub name: String,
    /// What it may do, and where.
    pub limits: KeyLimits,
    /// The time from which it is refused.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A new API key. Its text is available only at this time.
#[derive(Debug)]
pub struct IssuedApiKey {
    /// The text of the key.
    pub text: SecretString,
    /// The stored row.
    pub stored: StoredApiKey,
}

impl Vault {
    /// Issues an API key for the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if it would grant more than the caller holds,
    /// [`VaultError::Invalid`] on a field, [`VaultError::NotFound`] if there is no such
    /// organization, or an error of the store.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        new: NewApiKey,
        level: Level,
    ) -> Result<PendingReplication<IssuedApiKey>, VaultError> {
        caller.require(Permission::KeysManage)?;
        let expires_at = new.expires_at.map(|at| at.trunc_subsecs(6));
        let new = NewApiKey { expires_at, ..new };
        check_new_key(&new, self.now())?;
        self.permit(caller, check_grant(caller, &new)).await?;
        self.require_organization(caller).await?;
        self.check_key_lifetime(caller, &new).await?;
        let issued = self.issue(caller.org(), new)?;
        let event = self.key_event(caller, &issued.stored);
        let (scope, stored) = (caller.scope(), issued.stored.clone());
        let added = self.tracked(caller, level, issued, |operation| {
            self.store.add_api_key(scope, stored, operation, event)
        });
        added.await
    }

    /// Replaces the API key with which the caller authenticated by a new one with the same name,
    /// limits and expiry. The old one ends at once.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`] also if the caller acts outside the organization of its key, or
    /// an error of the store.
    pub async fn replace_api_key(
        &self,
        caller: &Caller,
        level: Level,
    ) -> Result<PendingReplication<IssuedApiKey>, VaultError> {
        caller.require(Permission::KeysManage)?;
        let own = match caller.actor() {
            Actor::Key(id) if caller.home() == caller.org() => Ok(id),
            _ => Err(VaultError::Forbidden(Denial::OwnKey)),
        };
        let old = self.permit(caller, own).await?;
        let scope = caller.scope();
        let stored = self.store.api_key(scope, old).await?;
        let stored = stored.ok_or(VaultError::NotFound)?;
        let latest = self.latest_expiry(caller).await?;
        let new = NewApiKey {
            name: stored.name,
            // Those of the key that was presented: the row was read again, without a proof.
            limits: caller.limits().clone(),
            expires_at: [caller.expires_at(), latest].into_iter().flatten().min(),
        };
        let issued = self.issue(caller.org(), new)?;
        let created = self.key_event(caller, &issued.stored);
        let revoked = Event::by(caller, Action::KeyRevoke, self.now()).about_key(old);
        let stored = issued.stored.clone();
        let replaced = self.tracked(caller, level, issued, |operation| {
            self.store
                .replace_api_key(scope, (old, stored), operation, created, revoked)
        });
        let replaced = replaced.await?;
        self.keys.clear();
        Ok(replaced)
    }

    /// Lists all API keys of the caller's organization, oldest first, without their secrets.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such organization, or an
    /// error of the store.
    pub async fn api_keys(&self, caller: &Caller) -> Result<Vec<StoredApiKey>, VaultError> {
        caller.require(Permission::KeysManage)?;
        self.require_organization(caller).await?;
        Ok(self.store.api_keys(caller.scope()).await?)
    }

    /// Revokes an API key of the caller's organization on every server. Repeating the call is
    /// harmless.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], or an error of the store.
    pub async fn revoke_api_key(
        &self,
        caller: &Caller,
        id: KeyId,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::KeysManage)?;
        self.require_organization(caller).await?;
        let event = Event::by(caller, Action::KeyRevoke, self.now()).about_key(id);
        let scope = caller.scope();
        let revoked = self.tracked(caller, level, (), |operation| {
            self.store.revoke_api_key(scope, id, operation, event)
        });
        let revoked = revoked.await?;
        self.keys.clear();
        Ok(revoked)
    }

    /// Schedules the end of an API key of the caller's organization after `overlap`. An end that is
    /// scheduled earlier stays.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such key or it is
    /// revoked, or an error of the store.
    pub async fn schedule_key_end(
        &self,
        caller: &Caller,
        id: KeyId,
        overlap: TimeDelta,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::KeysManage)?;
        self.require_record_format(TENANTS)?;
        self.require_organization(caller).await?;
        let now = self.now();
        let end = ScheduledEnd::new(&self.service.api_key, caller.org(), id, now + overlap);
        let details = Details::new([("ends_at", json!(format_time(end.at)))]);
        let event = Event::by(caller, Action::KeyScheduleEnd, now).about_key(id);
        let event = event.with_details(details);
        let scope = caller.scope();
        let scheduled = self.tracked(caller, level, (), |operation| {
            self.store
                .schedule_key_end(scope, id, end, operation, event)
        });
        let scheduled = scheduled.await?;
        self.keys.clear();
        Ok(scheduled)
    }

    /// A new key of `org`, not stored yet.
    pub(super) fn issue(&self, org: OrgId, new: NewApiKey) -> Result<IssuedApiKey, VaultError> {
        if new.limits.plain_role().is_none() {
            self.require_record_format(TENANTS)?;
        }
        let now = self.now();
        let key = &self.service.api_key;
        let id = KeyId::issue(key, org, now, &*self.random)?;
        let token = ApiKeyToken::generate(org, id, new.limits.role, &*self.random)?;
        let digest = token.digest(key, &new.limits, new.expires_at);
        let digest = digest.map_err(|error| VaultError::Internal(error.to_string()))?;
        let stored = StoredApiKey {
            org,
            id,
            limits: Arc::new(new.limits),
            name: new.name,
            digest: digest.to_vec(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            ends: None,
            revocation_undone: false,
            recorded_end: None,
        };
        Ok(IssuedApiKey {
            text: token.to_text(),
            stored,
        })
    }

    /// The event of the issue of `key`.
    pub(super) fn key_event(&self, caller: &Caller, key: &StoredApiKey) -> Event {
        Event::by(caller, Action::KeyCreate, key.created_at)
            .about_key(key.id)
            .with_details(limit_details(&key.limits, key.expires_at))
    }

    /// Checks that the caller's organization exists and is not deleted.
    pub(super) async fn require_organization(&self, caller: &Caller) -> Result<(), VaultError> {
        let organization = self.store.organization(caller.scope()).await?;
        match organization {
            Some(organization) if organization.deleted_at.is_none() => Ok(()),
            _ => Err(VaultError::NotFound),
        }
    }
}

/// What limits a key, for the audit trail.
pub(super) fn limit_details(limits: &KeyLimits, expires_at: Option<DateTime<Utc>>) -> Details {
    let role = limits.role.map_or(OWN_PERMISSIONS, Role::as_str);
    let details = Details::new([
        ("role", json!(role)),
        ("expires_at", json!(expires_at.map(format_time))),
    ]);
    if limits.plain_role().is_some() {
        return details;
    }
    details.and(&Details::new([
        ("permissions", json!(limits.permissions)),
        ("credentials", json!(limits.credentials)),
        ("networks", json!(limits.networks)),
        ("organizations", json!(limits.organizations)),
    ]))
}

fn check_new_key(new: &NewApiKey, now: DateTime<Utc>) -> Result<(), VaultError> {
    let mut errors: Vec<_> = check_name(&new.name).err().into_iter().collect();
    if new.expires_at.is_some_and(|at| at <= now) {
        errors.push(FieldError::new(
            "expires_at",
            "past",
            "must be in the future",
        ));
    }
    if new.limits.permissions.is_empty() {
        let message = "must name at least one permission";
        errors.push(FieldError::new("permissions", "empty", message));
    }
    let reads_audit = new.limits.permissions.contains(Permission::AuditRead);
    if new.limits.credentials.is_some() && reads_audit {
        let message = "cannot be limited for a key with audit:read, which shows all credentials";
        errors.push(FieldError::new("credentials", "conflict", message));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(VaultError::Invalid(errors))
    }
}

fn check_grant(caller: &Caller, new: &NewApiKey) -> Result<(), VaultError> {
    let outlives = caller
        .expires_at()
        .is_some_and(|end| new.expires_at.is_none_or(|at| at > end));
    let exceeded = caller.exceeded_by(&new.limits);
    match exceeded.or(outlives.then_some("expires_at")) {
        Some(member) => Err(VaultError::Forbidden(Denial::Grant(member))),
        None => Ok(()),
    }
}
