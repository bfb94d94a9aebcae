//! Values (credentials, organizations, callers, audit events), permissions, the operations of the
//! [`Vault`], and the ports that they use.
//!
//! This crate does no I/O, reads no clock and generates no randomness. Storage, time and random
//! bytes come from [`Store`], [`Clock`] and [`strongroom_crypto::RandomSource`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod actor_names;
pub mod ancestor;
pub mod api_key;
pub mod audit;
pub mod backup;
pub mod blob;
pub mod caller;
pub mod console_session;
pub mod credential;
mod credential_cursor;
pub mod credential_order;
pub mod daily_totals;
pub mod egress;
pub mod entity_tag;
pub mod error;
pub mod expiry;
pub mod health;
pub mod history;
pub mod host_name;
pub mod idempotency;
pub mod ids;
pub(crate) mod issued_text;
pub mod json;
pub mod keyring;
pub mod kinds;
pub mod label;
pub mod last_used;
mod log_throttle;
pub mod oauth;
pub mod organization;
pub mod overview;
pub mod permission;
pub mod pieces;
pub mod ports;
pub mod presented;
pub mod record_format;
pub mod relay;
pub mod replication;
pub mod rotation;
mod scope;
pub mod scrub;
pub mod system;
pub mod trace;
mod vault;

pub use crate::audit::report::{AuditFinding, AuditReport};
pub use crate::error::{Conflict, Denial, FieldError, VaultError};
pub use crate::ids::{CredentialId, KeyId, LaneId, OrgId};
pub use crate::ports::clock::{Clock, SystemClock};
pub use crate::ports::store::Store;
pub use crate::relay::policy_info::PolicyInfo;
pub use crate::vault::Vault;
pub use crate::vault::adoption::{Adoption, Reader};
pub use crate::vault::audit::AuditExport;
pub use crate::vault::audit_prune::PruneCheck;
pub use crate::vault::backup::writer::BackupScope;
pub use crate::vault::console_session_list::{ConsoleSession, ConsoleSessions, SessionState};
pub use crate::vault::credential_view::CredentialView;
pub use crate::vault::credentials::{CreateRequest, CreatedCredential};
pub use crate::vault::daily_totals::DailyCount;
pub use crate::vault::deletion::DeleteRequest;
pub use crate::vault::keys::{IssuedApiKey, NewApiKey};
pub use crate::vault::oauth_clients::{ClientChange, ClientInfo, IssuedClient, NewClient};
pub use crate::vault::oauth_tokens::{ActiveToken, IssuedToken};
pub use crate::vault::organization_settings::{
    KEY_LIFETIMES, MAX_RECOVERY_DAYS, OrganizationSettings,
};
pub use crate::vault::relay_answer::{PendingUse, RelayBody};
pub use crate::vault::relay_plan::{RelayPlan, RelayPreview, RelayRequest};
pub use crate::vault::relay_tokens::RelayToken;
pub use crate::vault::replication::PendingReplication;
pub use crate::vault::restore::error::RestoreError;
pub use crate::vault::restore::opened::OpenedBackup;
pub use crate::vault::restore::organization::RestoreObserver;
pub use crate::vault::restore::pass::RestorePass;
pub use crate::vault::restore::target::TargetKeys;
pub use crate::vault::reveal::MAX_REASON_CHARS;
pub use crate::vault::rotation::Step;
pub use crate::vault::settings::VaultSettings;
pub use crate::vault::unlock::{UnlockError, unlock};
pub use crate::vault::version_reads::{ValueChoice, VersionInfo};
pub use crate::vault::versions::{StagedValue, VersionWrite};
pub use strongroom_crypto as crypto;
