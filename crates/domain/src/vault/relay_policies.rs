//! Relay policies: which requests may carry a credential.

use std::sync::Arc;

use serde_json::json;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event, Outcome};
use crate::caller::Caller;
use crate::credential::SealedCredential;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::json;
use crate::json::value::Value;
use crate::keyring::organization::OrgKeyring;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::record_format::RELAY;
use crate::relay::parse::parse;
use crate::relay::policy::RelayPolicy;
use crate::relay::policy_info::PolicyInfo;
use crate::relay::stored::{CredentialWithPolicy, StoredPolicy};
use crate::replication::Level;
use crate::vault::Vault;
use crate::vault::replication::PendingReplication;

/// How often a change is tried while others change the same policy or the organization's key.
const ATTEMPTS: usize = 5;

impl Vault {
    /// Sets the relay policy of a credential to `value`, or to the preset where that says nothing.
    /// Returns the policy as it is from now on. With `expected`, only if this is the version of the
    /// present policy; 0 stands for none.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::PreconditionFailed`],
    /// [`VaultError::Invalid`] with all errors of the policy, or an error of the store.
    pub async fn put_relay_policy(
        &self,
        caller: &Caller,
        id: CredentialId,
        value: Value<'_>,
        expected: Option<i64>,
        level: Level,
    ) -> Result<PendingReplication<PolicyInfo>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        self.require_record_format(RELAY)?;
        let event = Event::by(caller, Action::RelayPolicyPut, self.now()).about(id);
        for _ in 0..ATTEMPTS {
            let found = self.policy_to_change(caller, id, &event).await?;
            let row = &found.credential.sealed;
            let current = found.policy.current(&self.chain, caller.org(), id);
            let version = current.map(|policy| policy.map_or(0, |one| one.version));
            if !expected.is_none_or(|expected| version.is_ok_and(|version| version == expected)) {
                let error = VaultError::PreconditionFailed;
                return Err(self.failed(caller, event, error).await);
            }
            let policy = parse(value, row.provider, row.kind).map_err(VaultError::Invalid)?;
            let hosts: Vec<String> = policy.hosts.iter().map(ToString::to_string).collect();
            let event = event.clone();
            let event = event.with_details(Details::new([("hosts", json!(hosts))]));
            let text = policy.to_json().to_string();
            let written = self.write_policy(caller, &found, Some(&text), (level, event));
            let Some((written, stored)) = written.await? else {
                continue;
            };
            return Ok(written.map(|()| PolicyInfo {
                policy,
                version: stored.version,
                updated_at: stored.updated_at,
            }));
        }
        Err(contended())
    }

    /// Deletes the relay policy of a credential, which then is used no more without a reveal. That
    /// there is none is no error.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such credential,
    /// [`VaultError::PreconditionFailed`] if the policy has another version than `expected`, or an
    /// error of the store.
    pub async fn delete_relay_policy(
        &self,
        caller: &Caller,
        id: CredentialId,
        expected: Option<i64>,
        level: Level,
    ) -> Result<PendingReplication<()>, VaultError> {
        caller.require(Permission::CredentialsWrite)?;
        self.require_record_format(RELAY)?;
        let event = Event::by(caller, Action::RelayPolicyDelete, self.now()).about(id);
        for _ in 0..ATTEMPTS {
            let found = self.policy_to_change(caller, id, &event).await?;
            let current = found.policy.current(&self.chain, caller.org(), id);
            if matches!(current, Ok(None)) {
                let event = event.clone().with_outcome(Outcome::NotFound);
                self.store.record(caller.scope(), event).await?;
                return Ok(PendingReplication::nothing(()));
            }
            let is_at =
                |expected| matches!(&current, Ok(Some(policy)) if policy.version == expected);
            if !expected.is_none_or(is_at) {
                let error = VaultError::PreconditionFailed;
                return Err(self.failed(caller, event, error).await);
            }
            // A row that is not genuine is replaced like any other.
            let written = self.write_policy(caller, &found, None, (level, event.clone()));
            if let Some((written, _)) = written.await? {
                return Ok(written);
            }
        }
        Err(contended())
    }

    /// The relay policy of a credential.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`] if there is no such credential,
    /// [`VaultError::NoRelayPolicy`], [`VaultError::Integrity`], or an error of the store.
    pub async fn relay_policy(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<PolicyInfo, VaultError> {
        let write = caller.require(Permission::CredentialsWrite);
        write.or_else(|error| {
            caller
                .require(Permission::CredentialsUse)
                .map_err(|_| error)
        })?;
        self.refuse_stale_reads()?;
        let event = Event::by(caller, Action::RelayPolicyRead, self.now()).about(id);
        let found = self.store.credential_with_policy(caller.scope(), id);
        let found = found.await?;
        let found = found.filter(|found| caller.reaches(&found.credential.sealed));
        let Some(found) = found else {
            return Err(self.no_credential(caller, event).await);
        };
        match self.opened_policy(caller, &found).await {
            Ok(info) => {
                self.store.record(caller.scope(), event).await?;
                info.ok_or(VaultError::NoRelayPolicy)
            }
            Err(error) => Err(self.failed(caller, event, error).await),
        }
    }

    /// The policy of `found`, opened and compared with the audit trail; `None` if it has none.
    pub(super) async fn opened_policy(
        &self,
        caller: &Caller,
        found: &CredentialWithPolicy,
    ) -> Result<Option<PolicyInfo>, VaultError> {
        let row = &found.credential.sealed;
        let current = found.policy.current(&self.chain, caller.org(), row.id)?;
        let Some((policy, sealed)) = current.and_then(|one| Some((one, one.sealed.as_ref()?)))
        else {
            return Ok(None);
        };
        let keys = self.keys_with(caller, sealed.key_generation).await?;
        let text = self
            .counters
            .opens
            .record(keys.open_policy(row, policy.version, sealed))?;
        Ok(Some(PolicyInfo {
            policy: read(text.expose(), row)?,
            version: policy.version,
            updated_at: policy.updated_at,
        }))
    }

    /// The organization's unwrapped keys, read again if `generation` is not among those at hand.
    pub(super) async fn keys_with(
        &self,
        caller: &Caller,
        generation: i32,
    ) -> Result<Arc<OrgKeyring>, VaultError> {
        let keys = self.org_keys(caller.scope()).await?;
        match keys.has(generation) {
            true => Ok(keys),
            false => self.reload_org_keys(caller.scope()).await,
        }
    }

    async fn policy_to_change(
        &self,
        caller: &Caller,
        id: CredentialId,
        event: &Event,
    ) -> Result<CredentialWithPolicy, VaultError> {
        let found = self.store.current_policy(caller.scope(), id).await?;
        match found.filter(|found| caller.reaches(&found.credential.sealed)) {
            Some(found) => Ok(found),
            None => Err(self.no_credential(caller, event.clone()).await),
        }
    }

    /// Records that there is no such credential. Returns the error to answer.
    pub(super) async fn no_credential(&self, caller: &Caller, event: Event) -> VaultError {
        let event = event.with_outcome(Outcome::NotFound);
        match self.store.record(caller.scope(), event).await {
            Ok(()) => VaultError::NotFound,
            Err(error) => error.into(),
        }
    }

    /// Writes the next version of a policy; `None` if it was changed meanwhile.
    async fn write_policy(
        &self,
        caller: &Caller,
        found: &CredentialWithPolicy,
        text: Option<&str>,
        (level, event): (Level, Event),
    ) -> Result<Option<(PendingReplication<()>, StoredPolicy)>, VaultError> {
        let row = &found.credential.sealed;
        let version = found.policy.next_version();
        let keys = self.org_keys(caller.scope()).await?;
        let seal = |text: &str| keys.seal_policy(row, version, text.as_bytes(), &*self.random);
        let sealed = text.map(|text| self.counters.seals.record(seal(text)));
        let mut policy = StoredPolicy {
            version,
            updated_at: event.at,
            sealed: sealed.transpose()?,
            digest: Vec::new(),
        };
        let digest = self.chain.policy_digest(caller.org(), row.id, &policy);
        policy.digest = digest.to_vec();
        let event = Event {
            version: Some(version),
            digest: Some(digest),
            ..event
        };
        let operation = self.track(caller, level, None)?.operation;
        let (scope, stored) = (caller.scope(), policy.clone());
        let written = self
            .store
            .write_policy(scope, row.id, policy, operation, event);
        match written.await {
            Ok(committed) => {
                self.forget_rows(caller, row.id);
                let written = self.pending_replication((), level, operation, committed);
                Ok(Some((written, stored)))
            }
            Err(StoreError::Conflict) => Ok(None),
            Err(StoreError::RetiredKey) => {
                self.reload_org_keys(scope).await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

// What was sealed was valid when it was written, so that only a defect or an older program refuses
// it now.
fn read(text: &[u8], row: &SealedCredential) -> Result<RelayPolicy, VaultError> {
    let unreadable = || VaultError::Internal("a relay policy is not valid any more".into());
    let value = json::parse(text).map_err(|_| unreadable())?;
    parse(value, row.provider, row.kind).map_err(|_| unreadable())
}

fn contended() -> VaultError {
    VaultError::Unavailable("the relay policy was changed concurrently".into())
}
