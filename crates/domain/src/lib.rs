//! What a credential, an organization, a caller and an audit event are; who may do what; the
//! [`Vault`]'s operations; and the ports they need.
//!
//! Nothing here does I/O, reads a clock or makes randomness by itself: storage, time and random bytes
//! come in through [`Store`], [`Clock`] and [`strongroom_crypto::RandomSource`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api_key;
pub mod audit;
pub mod backup;
pub mod blob;
pub mod caller;
mod clock;
pub mod counters;
pub mod credential;
pub mod error;
pub mod idempotency;
mod ids;
pub mod json;
pub mod keyring;
pub mod last_use;
pub mod organization;
pub mod pieces;
pub mod replication;
pub mod rotation;
pub mod scrub;
pub mod store;
pub mod trace;
pub mod trouble;
mod vault;

pub use clock::{Clock, SystemClock};
pub use error::{FieldError, VaultError};
pub use ids::{CredentialId, KeyId, LaneId, OrgId};
pub use store::Store;
pub use strongroom_crypto as crypto;
pub use vault::{
    AuditExport, AuditFinding, AuditReport, BackupScope, CreateRequest, IssuedApiKey, PruneCheck,
    Step, Vault, VaultSettings, Written,
};
