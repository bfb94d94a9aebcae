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
use crate::history::MAX_VERSIONS_KEPT;
use crate::permission::Permission;
use crate::ports::audit::StateEvents;
use crate::record_format::{TENANTS, VALUES};
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::keys::NewApiKey;
use crate::vault::replication::PendingReplication;
use crate::vault::state_events::member;

/// The shortest and the longest `max_key_lifetime`, in seconds: an hour, and ten years.
pub const KEY_LIFETIMES: std::ops::RangeInclusive<i64> = 3600..=315_360_000;

/// The most `recovery_days`.
pub const MAX_RECOVERY_DAYS: i64 = 30;
/// The `recovery_days` of a new organization. Those of an earlier version of the program have 0.
const FIRST_RECOVERY_DAYS: i64 = 7;

/// What an organization sets itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationSettings {
    /// The longest time until the expiry of a new API key, in seconds; `None` for any.
    pub max_key_lifetime: Option<i64>,
    /// The number of former values that are kept of each credential, from 0 to
    /// [`MAX_VERSIONS_KEPT`].
    pub versions_kept: i64,
    /// The number of days for which a deleted credential can be restored, from 0 to
    /// [`MAX_RECOVERY_DAYS`].
    pub recovery_days: i64,
}

impl OrganizationSettings {
    fn errors(&self) -> Vec<FieldError> {
        let error = |field, message: &str| FieldError::new(field, "out_of_range", message);
        let lifetime = self.max_key_lifetime;
        let lifetime = lifetime.filter(|lifetime| !KEY_LIFETIMES.contains(lifetime));
        let lifetime = lifetime.map(|_| {
            let message = "must be null, or from 3600 to 315360000 seconds";
            error("max_key_lifetime", message)
        });
        let kept = (!(0..=MAX_VERSIONS_KEPT).contains(&self.versions_kept))
            .then(|| error("versions_kept", "must be from 0 to 20"));
        let days = (!(0..=MAX_RECOVERY_DAYS).contains(&self.recovery_days))
            .then(|| error("recovery_days", "must be from 0 to 30"));
        [lifetime, kept, days].into_iter().flatten().collect()
    }
}

impl Vault {
    /// The event with the first settings of a new organization; `None` before the record format
    /// has them.
    pub(super) fn first_settings(&self, caller: &Caller, at: DateTime<Utc>) -> Option<Event> {
        let settings = OrganizationSettings {
            recovery_days: FIRST_RECOVERY_DAYS,
            ..OrganizationSettings::default()
        };
        let details = Details::new([("settings", json!(settings))]);
        let event = Event::by(caller, Action::OrganizationConfigure, at).with_details(details);
        (self.chain.record_format() >= VALUES).then_some(event)
    }

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
        if settings.versions_kept > 0 || settings.recovery_days > 0 {
            self.require_record_format(VALUES)?;
        }
        let errors = settings.errors();
        if !errors.is_empty() {
            return Err(VaultError::Invalid(errors));
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
