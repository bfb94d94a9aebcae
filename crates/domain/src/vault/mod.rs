//! The vault: the operations that every surface (HTTP, command line) calls.

mod acting;
mod actor_names;
pub(crate) mod adoption;
mod attestation;
pub(crate) mod audit;
mod audit_acknowledge;
mod audit_event;
pub(crate) mod audit_prune;
pub(crate) mod audit_roots;
pub(crate) mod audit_verify;
pub(crate) mod authenticate;
mod authenticate_client;
pub(crate) mod backup;
mod by_label;
pub(crate) mod change;
pub(crate) mod console_session_list;
mod console_sessions;
mod content;
pub(crate) mod credential_view;
pub(crate) mod credentials;
pub(crate) mod daily_totals;
pub(crate) mod deletion;
mod history;
mod installation;
pub(crate) mod inventory;
pub(crate) mod key_cache;
pub(crate) mod keys;
mod known_credential;
pub(crate) mod last_used;
mod lifecycle;
pub(crate) mod minted_tokens;
mod named_heads;
mod next_value;
mod oauth_client_writes;
pub(crate) mod oauth_clients;
pub(crate) mod oauth_tokens;
mod opener;
mod org_keys;
pub(crate) mod organization_settings;
pub(crate) mod organizations;
mod overview;
pub(crate) mod pieces;
mod recorded_deletion;
mod recorded_root_keys;
pub(crate) mod relay;
pub(crate) mod relay_answer;
pub(crate) mod relay_plan;
pub(crate) mod relay_policies;
mod relay_source;
pub(crate) mod relay_tokens;
pub(crate) mod replication;
mod reseal;
pub(crate) mod restore;
mod results;
pub(crate) mod reveal;
pub(crate) mod root_rotation;
pub(crate) mod rotation;
mod rotation_start;
pub(crate) mod row_cache;
mod scrub;
mod scrub_keys;
mod servers;
pub(crate) mod settings;
mod state_events;
pub(crate) mod suborganizations;
mod system;
mod token_source;
pub(crate) mod undo;
pub(crate) mod unlock;
mod verification;
pub(crate) mod version_reads;
pub(crate) mod versions;
mod watched_egress;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use parking_lot::{Mutex, RwLock};
use strongroom_crypto::RandomSource;

use crate::audit::chain::Chain;
use crate::blob::BlobValidation;
use crate::error::VaultError;
use crate::health::counters::Counters;
use crate::health::status::StoreStatus;
use crate::ids::{CredentialId, OrgId};
use crate::keyring::organization::OrgKeyring;
use crate::keyring::root::RootKeyring;
use crate::keyring::service::ServiceKeys;
use crate::last_used::LastUsedTimes;
use crate::log_throttle::LogThrottle;
use crate::ports::clock::Clock;
use crate::ports::egress::Egress;
use crate::ports::keys::RootKeyStore;
use crate::ports::regions::Regions;
use crate::ports::store::Store;
use crate::scrub::ScrubResult;
use crate::vault::key_cache::KeyCache;
use crate::vault::known_credential::KnownCredential;
use crate::vault::minted_tokens::MintedTokens;
use crate::vault::relay_source::RelaySource;
use crate::vault::row_cache::RowCache;
use crate::vault::settings::VaultSettings;
use crate::vault::watched_egress::WatchedEgress;

/// The maximum number of organizations whose unwrapped keys are cached; an entry takes less than 1
/// KB.
const MAX_CACHED_ORGANIZATIONS: u64 = 100_000;
/// The time during which an organization's unwrapped keys are cached.
const ORG_KEYS_LIFETIME: Duration = Duration::from_secs(300);
/// The minimum interval between two log messages about the same integrity failure. The audit trail
/// records every attempt.
const INTEGRITY_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// The maximum number of integrity failures that the log throttle tracks.
const MAX_THROTTLED_FAILURES: u64 = 10_000;

/// The vault: policy, sealing and opening, audit.
pub struct Vault {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
    root_store: Arc<dyn RootKeyStore>,
    regions: Arc<dyn Regions>,
    root: RwLock<Arc<RootKeyring>>,
    /// Whether the trail of every organization says which generation of its key is active.
    organizations_attested: RwLock<bool>,
    service: ServiceKeys,
    chain: Chain,
    settings: VaultSettings,
    org_keys: moka::sync::Cache<OrgId, Arc<OrgKeyring>>,
    keys: KeyCache,
    last_used: Mutex<LastUsedTimes>,
    counters: Arc<Counters>,
    /// Requests to other hosts, where relays are served.
    egress: Option<Arc<dyn Egress>>,
    relay_sources: RowCache<RelaySource>,
    known_credentials: RowCache<KnownCredential>,
    /// Tokens that were minted through it.
    tokens: Option<MintedTokens>,
    integrity_log: LogThrottle<(OrgId, Option<CredentialId>)>,
    /// The result of a scrub that the counters show.
    shown_scrub: Mutex<Option<ScrubResult>>,
}

impl Vault {
    /// Creates a vault on `store` and `root_store` with the unlocked keys `root` and `service`. Its
    /// writes are replicated to `regions`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        root_store: Arc<dyn RootKeyStore>,
        regions: Arc<dyn Regions>,
        (root, service): (RootKeyring, ServiceKeys),
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
        settings: VaultSettings,
    ) -> Self {
        Self {
            store,
            clock,
            random,
            chain: Chain::new(service.audit.clone()),
            root_store,
            regions,
            root: RwLock::new(Arc::new(root)),
            organizations_attested: RwLock::new(false),
            service,
            settings,
            org_keys: moka::sync::Cache::builder()
                .max_capacity(MAX_CACHED_ORGANIZATIONS)
                .time_to_live(ORG_KEYS_LIFETIME)
                .build(),
            keys: KeyCache::new(),
            last_used: Mutex::default(),
            counters: Arc::default(),
            egress: None,
            relay_sources: RowCache::new(),
            known_credentials: RowCache::new(),
            tokens: None,
            integrity_log: LogThrottle::new(INTEGRITY_LOG_INTERVAL, MAX_THROTTLED_FAILURES),
            shown_scrub: Mutex::default(),
        }
    }

    /// Replaces the chain by the one with which the store records events, so that both have the
    /// same format.
    #[must_use]
    pub fn with_chain(self, chain: Chain) -> Self {
        Self { chain, ..self }
    }

    /// Replaces the counters. `counters` may be shared.
    #[must_use]
    pub fn with_counters(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Lets credentials be used without a reveal, in requests that `egress` sends. Called after
    /// [`Self::with_counters`], in which token exchanges are counted.
    #[must_use]
    pub fn with_egress(self, egress: Option<Arc<dyn Egress>>) -> Self {
        let (clock, counters) = (self.clock.clone(), self.counters.clone());
        let watched =
            |egress| -> Arc<dyn Egress> { Arc::new(WatchedEgress::new(egress, counters.clone())) };
        let egress = egress.map(watched);
        let minted = |egress| MintedTokens::new(egress, clock, counters.clone());
        let tokens = egress.clone().map(minted);
        Self {
            egress,
            tokens,
            ..self
        }
    }

    /// The rules by which blobs are validated.
    #[must_use]
    pub fn blob_validation(&self) -> BlobValidation {
        self.settings.blob_validation
    }

    /// The counters of the vault.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A snapshot of the store's queues and connection pools.
    #[must_use]
    pub fn store_status(&self) -> StoreStatus {
        self.store.status()
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<(), VaultError> {
        Ok(self.store.ping().await?)
    }

    /// The time, in microseconds: PostgreSQL stores those, and digests must cover the stored value.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }

    // A server of an earlier version would refuse, or not understand, what a newer format has.
    fn require_record_format(&self, format: i32) -> Result<(), VaultError> {
        if self.chain.record_format() >= format {
            return Ok(());
        }
        Err(VaultError::Unavailable(
            "this needs a record format that servers of an earlier version do not read".into(),
        ))
    }

    fn log_failure<T>(&self, org: OrgId, result: Result<T, VaultError>) -> Result<T, VaultError> {
        if let Err(error) = &result {
            self.log_integrity_failure(org, None, error);
        }
        result
    }

    // Repeated requests for the same value must not fill the log.
    fn log_integrity_failure(
        &self,
        org: OrgId,
        credential: Option<CredentialId>,
        error: &VaultError,
    ) {
        let VaultError::Integrity(cause) = error else {
            return;
        };
        if self.integrity_log.permits((org, credential)) {
            let credential = credential.map(|id| id.to_string());
            tracing::error!(%org, credential, cause, "a stored value failed its integrity check");
        }
    }
}
