//! Use of a credential without a reveal: from a caller's request to the one that is sent.

use std::sync::Arc;

use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::egress::EgressError;
use crate::error::VaultError;
use crate::permission::Permission;
use crate::ports::egress::Egress;
use crate::ports::error::StoreError;
use crate::record_format::RELAY;
use crate::relay::error::RelayError;
use crate::relay::path::RequestPath;
use crate::relay::stored::CredentialWithPolicy;
use crate::vault::Vault;
use crate::vault::relay_plan::{RelayPlan, RelayPreview, RelayRequest, Wanted};
use crate::vault::relay_source::RelaySource;

/// Most characters of a host and of a path in an audit event.
const RECORDED_HOST: usize = 256;
const RECORDED_PATH: usize = 1024;

impl Vault {
    /// The client for requests to other hosts.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if there is none, which is a defect where relays are served.
    pub fn egress(&self) -> Result<&Arc<dyn Egress>, VaultError> {
        let missing = || VaultError::Internal("requests to other hosts are not set up".into());
        self.egress.as_ref().ok_or_else(missing)
    }

    /// Forgets hosts that did not answer and to which nothing is sent any more. Ends the condition
    /// if no host is away.
    pub fn forget_idle_upstreams(&self) {
        let upstreams = &self.counters.relay.upstreams;
        upstreams.forget_idle(&self.counters.conditions);
    }

    /// Puts a credential into a request, if its policy allows that. With `primary`, both are read
    /// from the primary. A refusal is recorded.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::Relay`],
    /// [`VaultError::Integrity`], or an error of the store.
    pub async fn plan_relay(
        &self,
        caller: &Caller,
        request: &RelayRequest,
        primary: bool,
    ) -> Result<RelayPlan, VaultError> {
        caller.require(Permission::CredentialsUse)?;
        self.require_record_format(RELAY)?;
        self.refuse_stale_reads()?;
        let path = RequestPath::parse(&request.path).map_err(RelayError::Path)?;
        let event = self.use_event(caller, request, &path);
        let (scope, id) = (caller.scope(), request.id);
        let wanted = (caller, request, &path);
        if !primary && let Some(plan) = self.planned_again(wanted, &event).await {
            return Ok(plan);
        }
        let found = match primary {
            true => self.store.current_policy(scope, id).await?,
            false => self.store.credential_with_policy(scope, id).await?,
        };
        let found = found.filter(|found| caller.reaches(&found.credential.sealed));
        let Some(found) = found else {
            return Err(self.no_credential(caller, event).await);
        };
        let row = &found.credential.sealed;
        let event = event.of_version(row.version, row.value_version);
        match self.planned(wanted, &found, event.clone(), false).await {
            Err(VaultError::Relay(error)) => Err(self.use_refused(caller, event, error)),
            Err(error) => Err(self.failed(caller, event, error).await),
            planned => planned,
        }
    }

    /// The request as it would be sent, without a secret in it. Nothing is sent, and which keys may
    /// use the credential does not matter.
    ///
    /// # Errors
    /// As for [`Self::plan_relay`].
    pub async fn preview_relay(
        &self,
        caller: &Caller,
        request: &RelayRequest,
    ) -> Result<RelayPreview, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        self.require_record_format(RELAY)?;
        self.refuse_stale_reads()?;
        let path = RequestPath::parse(&request.path).map_err(RelayError::Path)?;
        let event = Event::by(caller, Action::RelayPolicyRead, self.now()).about(request.id);
        let event = event.with_details(Details::new([("test", json!(true))]));
        let (scope, id) = (caller.scope(), request.id);
        let found = self.store.credential_with_policy(scope, id).await?;
        let found = found.filter(|found| caller.reaches(&found.credential.sealed));
        let Some(found) = found else {
            return Err(self.no_credential(caller, event).await);
        };
        let wanted = (caller, request, &path);
        let planned = self.planned(wanted, &found, event.clone(), true).await;
        if let Err(error @ VaultError::Integrity(_)) = planned {
            return Err(self.failed(caller, event, error).await);
        }
        self.store.record(scope, event).await?;
        planned?.preview()
    }

    /// The plan with what was read a moment ago, if that allows the request. If not, what the
    /// database has now decides.
    async fn planned_again(
        &self,
        wanted @ (caller, request, _): (&Caller, &RelayRequest, &RequestPath),
        event: &Event,
    ) -> Option<RelayPlan> {
        let source = self.relay_sources.get(caller.org(), request.id)?;
        let row = &source.credential.sealed;
        let keys = self.org_keys(caller.scope()).await.ok()?;
        if !caller.reaches(row) || !keys.has(row.key_generation) {
            return None;
        }
        let event = event.clone().of_version(row.version, row.value_version);
        let planned = self.plan_of(wanted, &source, event, false).await;
        planned.ok()
    }

    async fn planned(
        &self,
        wanted @ (caller, ..): (&Caller, &RelayRequest, &RequestPath),
        found: &CredentialWithPolicy,
        event: Event,
        any_key: bool,
    ) -> Result<RelayPlan, VaultError> {
        let Some(policy) = self.opened_policy(caller, found).await? else {
            return Err(RelayError::NotConfigured.into());
        };
        let id = found.credential.sealed.id;
        let source = Arc::new(RelaySource::new(found, policy));
        let plan = self.plan_of(wanted, &source, event, any_key).await?;
        self.relay_sources.insert(caller.org(), id, source);
        Ok(plan)
    }

    async fn plan_of(
        &self,
        (caller, request, path): (&Caller, &RelayRequest, &RequestPath),
        source: &RelaySource,
        event: Event,
        any_key: bool,
    ) -> Result<RelayPlan, VaultError> {
        let wanted = Wanted {
            caller,
            request,
            path,
            source,
            any_key,
        };
        let place = wanted.allowed()?;
        let blob = self.open(caller, &source.credential.sealed).await?;
        wanted.plan(place, &blob, event)
    }

    /// Records that the request of `plan` is about to be sent; nothing may be sent before this
    /// returns `true`. It returns `false` and records nothing if the credential or its policy has
    /// changed since they were read.
    ///
    /// # Errors
    /// An error of the store.
    pub async fn record_use(&self, caller: &Caller, plan: &RelayPlan) -> Result<bool, VaultError> {
        let (scope, event) = (caller.scope(), plan.event.clone());
        match self.store.record_use(scope, plan.used.clone(), event).await {
            Ok(()) => {
                self.record_used(caller, plan.used.id);
                Ok(true)
            }
            Err(StoreError::OutdatedRow) => {
                self.forget_rows(caller, plan.used.id);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn use_event(&self, caller: &Caller, request: &RelayRequest, path: &RequestPath) -> Event {
        let host: String = request.host.chars().take(RECORDED_HOST).collect();
        let path: String = path.as_str().chars().take(RECORDED_PATH).collect();
        let details = Details::new([
            ("host", json!(host)),
            ("method", json!(request.method)),
            ("path", json!(path)),
        ]);
        let event = Event::by(caller, Action::CredentialUse, self.now());
        event.about(request.id).with_details(details)
    }

    /// The error of a connection that was not opened. That requests may not go there is recorded.
    pub fn not_opened(&self, caller: &Caller, plan: &RelayPlan, error: EgressError) -> VaultError {
        let error = RelayError::of(error, plan.limits.request_bytes);
        match error {
            RelayError::AddressRefused => self.use_refused(caller, plan.event.clone(), error),
            error => {
                self.counters.relay.count(error.code());
                error.into()
            }
        }
    }

    // The caller does not wait for the record, as with other refusals.
    pub(super) fn use_refused(
        &self,
        caller: &Caller,
        event: Event,
        error: RelayError,
    ) -> VaultError {
        let reason = Details::new([("reason", json!(error.code()))]);
        let event = event.with_outcome(Outcome::Denied).with_details(reason);
        self.store.record_later(caller.scope(), event);
        self.counters.relay.count(error.code());
        error.into()
    }
}
