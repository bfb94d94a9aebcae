//! Attestations: the state of an organization, recorded again.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::audit::format::EventFormat;
use crate::audit::stored::format_time;
use crate::caller::{Caller, OrgScope};
use crate::error::VaultError;
use crate::ids::{CredentialId, OrgId};
use crate::ports::audit::StateEvents;
use crate::ports::oauth::UnattestedClient;
use crate::record_format::RELAY;
use crate::vault::Vault;
use crate::vault::installation::is_in_newest_format;
use crate::vault::keys::limit_details;
use crate::vault::oauth_client_writes::recorded;
use crate::vault::organization_settings::OrganizationSettings;
use crate::vault::state_events::RecordedGenerations;

/// The number of relay policies that one step reads.
const PAGE: i64 = 200;
/// The maximum number of rotations of one organization that an attestation compares.
const MAX_STATE_EVENTS: i64 = 10_000;

impl Vault {
    /// Records the state of the caller's organization in the newest record format, if it was last
    /// recorded in an earlier one. Returns whether it did.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the rows differ from the trail, or an error of the store.
    pub async fn attest_organization(&self, caller: &Caller) -> Result<bool, VaultError> {
        caller.require_operator()?;
        let (scope, generations) = (caller.scope(), StateEvents::Generations);
        let events = self
            .proved_state_events(scope, generations, MAX_STATE_EVENTS)
            .await?;
        let is_recorded = RecordedGenerations::of(&events).active.is_some();
        if is_recorded && events.iter().any(is_in_newest_format) {
            return Ok(false);
        }
        self.require_recorded_api_keys(scope).await?;
        let stored = self.current_org_keys(scope).await?;
        let active = stored.iter().find(|key| key.active);
        // Events of format 1 do not say which generation a rotation made active, but each made one.
        let is_rotation = |event: &&Event| event.action == Action::OrganizationRotate;
        let rotations = events.iter().filter(is_rotation).count();
        if active.is_some_and(|key| usize::try_from(key.generation).unwrap_or(0) <= rotations) {
            return Err(VaultError::Integrity(
                "the organization's key was rotated more often than its active generation says",
            ));
        }
        let event = self.organization_attestation(caller).await?;
        self.store.record(scope, event).await?;
        Ok(true)
    }

    /// Records in the trail of the installation that the state of every organization is recorded.
    /// From then on, a generation that no event made active is refused. Returns whether this was
    /// not recorded yet.
    ///
    /// # Errors
    /// As for [`Self::attest_organization`], of the root keys.
    pub async fn organizations_are_attested(&self, caller: &Caller) -> Result<bool, VaultError> {
        if *self.organizations_attested.read() {
            return Ok(false);
        }
        self.attest_root_keys(caller, true).await?;
        self.confirm_root_keys().await?;
        Ok(true)
    }

    /// Whether [`Self::attest_organization`] is due for organizations.
    #[must_use]
    pub fn attests_organizations(&self) -> bool {
        self.has_installation_trail() && !*self.organizations_attested.read()
    }

    /// Records again what later checks rely on, and what a prune of the events before `cut` could
    /// remove: the active generation, API keys with their revocation, OAuth 2.0 clients, a pending
    /// destruction.
    ///
    /// # Errors
    /// [`VaultError::Integrity`] if the rows differ from the trail, or an error of the store.
    pub(super) async fn attest_state(
        &self,
        caller: &Caller,
        cut: DateTime<Utc>,
    ) -> Result<(), VaultError> {
        if self.chain.format() == EventFormat::First {
            return Ok(());
        }
        if caller.org() == OrgId::INSTALLATION {
            return match self.has_installation_trail() {
                true => self.attest_root_keys(caller, false).await,
                false => Ok(()),
            };
        }
        let scope = caller.scope();
        self.require_recorded_api_keys(scope).await?;
        let mut events = vec![self.organization_attestation(caller).await?];
        for key in self.store.unattested_api_keys(scope, cut).await? {
            let details = Details::new([
                ("revoked", json!(key.revoked_at.is_some())),
                (
                    "ends_at",
                    json!(key.ends.as_ref().map(|end| format_time(end.at))),
                ),
            ]);
            let details = details.and(&limit_details(&key.limits, key.expires_at));
            let event = Event::by(caller, Action::KeyAttest, self.now());
            events.push(event.about_key(key.id).with_details(details));
        }
        events.extend(self.client_attestations(caller, cut).await?);
        events.extend(self.policy_attestations(caller, cut).await?);
        Ok(self.store.record_all(scope, events).await?)
    }

    async fn client_attestations(
        &self,
        caller: &Caller,
        cut: DateTime<Utc>,
    ) -> Result<Vec<Event>, VaultError> {
        let mut events = Vec::new();
        for client in self.store.unattested_clients(caller.scope(), cut).await? {
            let event = Event::by(caller, Action::OauthClientAttest, self.now());
            events.push(match client {
                UnattestedClient::Live(client) if self.is_current_client(&client) => {
                    recorded(event.about_key(client.id), &client)
                }
                UnattestedClient::Live(_) => {
                    return Err(VaultError::Integrity(
                        "an OAuth 2.0 client differs from its audit events; `strongroom verify` \
                         names it",
                    ));
                }
                // Without a proof, no row is the current one.
                UnattestedClient::Ended(id, version) => {
                    let mut event = event.about_key(id);
                    event.version = Some(version);
                    event
                }
            });
        }
        Ok(events)
    }

    /// The events that record the policies of the caller's organization again which no event
    /// recorded from `cut` on.
    async fn policy_attestations(
        &self,
        caller: &Caller,
        cut: DateTime<Utc>,
    ) -> Result<Vec<Event>, VaultError> {
        let (mut events, mut after) = (Vec::new(), CredentialId(Uuid::nil()));
        if self.chain.record_format() < RELAY {
            return Ok(events);
        }
        loop {
            let scope = caller.scope();
            let page = self.store.unattested_policies(scope, cut, after, PAGE);
            let page = page.await?;
            for (id, policy) in &page {
                policy.current(&self.chain, caller.org(), *id)?;
                let Some(policy) = &policy.policy else {
                    continue;
                };
                let event = Event::by(caller, Action::RelayPolicyAttest, self.now()).about(*id);
                events.push(Event {
                    version: Some(policy.version),
                    digest: policy.digest.as_slice().try_into().ok(),
                    ..event
                });
            }
            match page.last() {
                Some((last, _)) => after = *last,
                None => return Ok(events),
            }
        }
    }

    async fn require_recorded_api_keys(&self, scope: OrgScope) -> Result<(), VaultError> {
        let keys = self.store.keys_with_trail(scope).await?;
        let differs = |key| !self.problems_of_api_key(scope.org(), key).is_empty();
        if keys.iter().any(differs) {
            return Err(VaultError::Integrity(
                "an API key differs from its audit events; `strongroom verify` names it",
            ));
        }
        Ok(())
    }

    async fn organization_attestation(&self, caller: &Caller) -> Result<Event, VaultError> {
        let scope = caller.scope();
        let stored = self.current_org_keys(scope).await?;
        let active = stored.iter().find(|key| key.active);
        let organization = self.store.organization(scope).await?;
        let pending = organization.filter(|row| row.destroyed_at.is_none());
        let deleted = pending.filter(|row| row.deleted_at.is_some());
        // The proved time, never the row's alone: an attestation must not make an edit genuine.
        let destroy_after = match &deleted {
            Some(organization) => Some(self.destruction_time(caller, organization).await?),
            None => None,
        };
        let deleted_at = deleted.and_then(|row| row.deleted_at);
        let details = Details::new([
            ("generation", json!(active.map(|key| key.generation))),
            ("deleted_at", json!(deleted_at.map(format_time))),
            ("destroy_after", json!(destroy_after.map(format_time))),
            ("record_format", json!(self.chain.record_format())),
        ]);
        let event = Event::by(caller, Action::OrganizationAttest, self.now());
        let event = event.with_details(details);
        let settings = self.settings_of(scope).await?;
        if settings == OrganizationSettings::default() {
            return Ok(event);
        }
        Ok(event.with_details(Details::new([("settings", json!(settings))])))
    }
}
