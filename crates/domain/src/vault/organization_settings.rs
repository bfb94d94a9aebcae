//! The settings of an organization.
//!
//! Their value is that of the newest audit event of a change, whose digest proves it: there is no
//! row that could be put back.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::{Actor, Caller, OrgScope};
use crate::error::{FieldError, VaultError};
use crate::permission::Permission;
use crate::ports::audit::StateEvents;
use crate::record_format::TENANTS;
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::keys::NewApiKey;
use crate::vault::replication::PendingReplication;
use crate::vault::state_events::member;

/// The shortest and the longest `max_key_lifetime`, in seconds: an hour, and ten years.
pub const KEY_LIFETIMES: std::ops::RangeInclusive<i64> = 3600..=315_360_000;

/// What an organization sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// The longest time until the expiry of a new API key, in seconds; `None` for any.
    pub max_key_lifetime: Option<i64>,
}

impl Vault {
    /// The settings of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if their events were altered, or an error of the store.
    pub async fn settings(&self, caller: &Caller) -> Result<OrganizationSettings, VaultError> {
        self.settings_of(caller.scope()).await
    }

    /// Changes the settings of the caller's organization.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::Invalid`] on a setting, or an error of the store.
    pub async fn change_settings(
        &self,
        caller: &Caller,
        settings: OrganizationSettings,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::OrganizationsManage)?;
        self.require_record_format(TENANTS)?;
        if let Some(lifetime) = settings.max_key_lifetime
            && !KEY_LIFETIMES.contains(&lifetime)
        {
            let message = "must be null, or from 3600 to 315360000 seconds";
            let error = FieldError::new("max_key_lifetime", "out_of_range", message);
            return Err(VaultError::Invalid(vec![error]));
        }
        let scope = caller.scope();
        let details = Details::new([("settings", json!(settings))]);
        let at = self.state_time(scope, StateEvents::Settings).await?;
        let event = Event::by(caller, Action::OrganizationConfigure, at).with_details(details);
        let changed = self.tracked(caller, level, (), |operation| {
            self.store.record_tracked(scope, operation, event)
        });
        changed.await
    }

    pub(super) async fn settings_of(
        &self,
        scope: OrgScope,
    ) -> Result<OrganizationSettings, VaultError> {
        let events = self.state_events(scope, StateEvents::Settings).await?;
        let newest = events.iter().map(|event| member(event, "settings"));
        let newest = newest.into_iter().find(|settings| !settings.is_null());
        let settings = newest.map(serde_json::from_value).transpose();
        let settings = settings.map_err(|error| VaultError::Internal(error.to_string()))?;
        Ok(settings.unwrap_or_default())
    }

    /// Checks that `new` expires as early as the organization demands.
    pub(super) async fn check_key_lifetime(
        &self,
        caller: &Caller,
        new: &NewApiKey,
    ) -> Result<(), VaultError> {
        // The operator's keys must not depend on what a tenant sets.
        if caller.actor() == Actor::Operator {
            return Ok(());
        }
        let Some(latest) = self.latest_expiry(caller).await? else {
            return Ok(());
        };
        if new.expires_at.is_some_and(|at| at <= latest) {
            return Ok(());
        }
        let message = "must be within the organization's max_key_lifetime";
        let error = FieldError::new("expires_at", "out_of_range", message);
        Err(VaultError::Invalid(vec![error]))
    }

    /// The latest expiry of a key that is issued now; `None` for any.
    pub(super) async fn latest_expiry(
        &self,
        caller: &Caller,
    ) -> Result<Option<DateTime<Utc>>, VaultError> {
        let settings = self.settings_of(caller.scope()).await?;
        let lifetime = settings.max_key_lifetime.and_then(TimeDelta::try_seconds);
        Ok(lifetime.map(|lifetime| self.now() + lifetime))
    }
}
