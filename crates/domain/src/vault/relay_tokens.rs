//! Tokens that are minted for credentials, to be put into requests or to be handed out.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;
use strongroom_crypto::SecretString;

use crate::audit::details::Details;
use crate::audit::event::{Action, Event};
use crate::caller::Caller;
use crate::egress::EgressError;
use crate::error::VaultError;
use crate::ids::CredentialId;
use crate::permission::Permission;
use crate::ports::error::StoreError;
use crate::ports::relay::ReadRows;
use crate::relay::error::RelayError;
use crate::relay::minting::request::{RequestError, TokenRequest, token_requests};
use crate::relay::minting::token::MintedToken;
use crate::vault::Vault;
use crate::vault::minted_tokens::{MintError, MintedTokens, RecordExchange};
use crate::vault::relay_plan::RelayPlan;
use crate::vault::relay_source::RelaySource;
use crate::vault::token_source::TokenSource;

/// A token that a caller receives.
#[derive(Debug)]
pub struct RelayToken {
    /// The token, of type bearer.
    pub value: SecretString,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The scopes of the policy.
    pub scopes: Vec<String>,
}

impl Vault {
    /// The plan with a token in its request, if it needs one. Returns `None` if one would have to
    /// be minted and the credential or its policy has changed.
    ///
    /// # Errors
    /// [`VaultError::Relay`] if the exchange failed, or an error of the store.
    pub async fn with_token(
        &self,
        caller: &Caller,
        mut plan: RelayPlan,
    ) -> Result<Option<RelayPlan>, VaultError> {
        let Some(source) = plan.token_source() else {
            return Ok(Some(plan));
        };
        let minted = self.minted(caller, source, plan.event.clone());
        match minted.await {
            Ok(token) => plan.complete(token)?,
            Err(MintError::Changed) => return Ok(None),
            Err(error) => return Err(self.not_minted(caller, plan.event.clone(), error)),
        }
        Ok(Some(plan))
    }

    /// Forgets the token of a plan whose upstream answered 401, so that the next plan has a new
    /// one.
    pub fn discard_token(&self, plan: &RelayPlan) {
        if let (Some(tokens), Some((source, token))) = (&self.tokens, plan.minted()) {
            tokens.discard(&source.key, token);
        }
    }

    /// A token for the credential `id`, for a caller that speaks to the upstream itself. Its policy
    /// must allow that.
    ///
    /// # Errors
    /// [`VaultError::Forbidden`], [`VaultError::NotFound`], [`VaultError::Relay`],
    /// [`VaultError::Integrity`], or an error of the store.
    pub async fn relay_token(
        &self,
        caller: &Caller,
        id: CredentialId,
    ) -> Result<RelayToken, VaultError> {
        caller.require(Permission::CredentialsUse)?;
        let event = Event::by(caller, Action::CredentialUse, self.now()).about(id);
        let event = event.with_details(Details::new([("token", json!(true))]));
        // What is handed out cannot be taken back, so what is read must be current.
        let found = self.store.current_policy(caller.scope(), id).await?;
        let found = found.filter(|found| caller.reaches(&found.credential.sealed));
        let Some(found) = found else {
            return Err(self.no_credential(caller, event).await);
        };
        let row = &found.credential.sealed;
        let event = event.of_version(row.version, row.value_version);
        let opened = async {
            let Some(policy) = self.opened_policy(caller, &found).await? else {
                return Err(RelayError::NotConfigured.into());
            };
            policy.allows_caller(caller)?;
            let blob = self.open(caller, row).await?;
            let source = RelaySource::new(&found, policy);
            let source = TokenSource::of(caller, &source, &blob);
            let source = source.filter(|source| source.policy.tokens);
            let refused = || RelayError::NotAllowed("tokens to be handed out".into());
            Ok(source.ok_or_else(refused)?)
        };
        let source = match opened.await {
            Ok(source) => source,
            Err(VaultError::Relay(error)) => return Err(self.use_refused(caller, event, error)),
            Err(error) => return Err(self.failed(caller, event, error).await),
        };
        let minted = self.minted(caller, &source, event.clone()).await;
        let token = minted.map_err(|error| self.not_minted(caller, event.clone(), error))?;
        let used = source.used.clone();
        self.store.record_use(caller.scope(), used, event).await?;
        self.record_used(caller, id);
        Ok(RelayToken {
            value: token.value.clone(),
            expires_at: token.expires_at,
            scopes: source.key.scopes,
        })
    }

    async fn minted(
        &self,
        caller: &Caller,
        source: &TokenSource,
        event: Event,
    ) -> Result<Arc<MintedToken>, MintError> {
        let tokens = self.tokens.as_ref();
        let tokens: &MintedTokens = tokens.ok_or(MintError::Unrecorded("no egress".into()))?;
        let record = self.record_exchange(caller, source.used.clone(), event);
        let requests = |now| token_requests(source.mint, &source.policy, &source.blob, now);
        tokens.token(&source.key, requests, record).await
    }

    // Each request to a token endpoint is a use of its own.
    fn record_exchange(&self, caller: &Caller, used: ReadRows, event: Event) -> RecordExchange {
        let (store, scope) = (self.store.clone(), caller.scope());
        Box::new(move |request: &TokenRequest| {
            let details = Details::new([
                ("host", json!(request.host.as_str())),
                ("port", json!(request.port)),
                ("method", json!("POST")),
                ("path", json!(request.path)),
                ("exchange", json!(true)),
            ]);
            let (store, used) = (store.clone(), used.clone());
            let event = event.clone().with_details(details);
            async move {
                let recorded = store.record_use(scope, used, event).await;
                recorded.map_err(|error| match error {
                    StoreError::OutdatedRow => MintError::Changed,
                    StoreError::OutcomeUnknown(why) => MintError::RecordUnknown(why),
                    error => MintError::Unrecorded(error.to_string()),
                })
            }
            .boxed()
        })
    }

    fn not_minted(&self, caller: &Caller, event: Event, error: MintError) -> VaultError {
        let error = match error {
            MintError::Unrecorded(why) => return VaultError::Unavailable(why),
            MintError::RecordUnknown(why) => return VaultError::OutcomeUnknown(why),
            MintError::Changed => {
                if let Some(id) = event.credential {
                    self.forget_rows(caller, id);
                }
                return VaultError::Unavailable("the credential or its policy has changed".into());
            }
            MintError::Request(RequestError::Crypto(error)) => return error.into(),
            MintError::Request(RequestError::Unusable(why)) => RelayError::Unminted(why),
            MintError::Egress(EgressError::AddressRefused { .. }) => RelayError::AddressRefused,
            MintError::Egress(EgressError::Busy(place)) => RelayError::Busy(place),
            error => RelayError::TokenExchange(error.to_string()),
        };
        self.use_refused(caller, event, error)
    }
}
