//! The SlashID API: an organization's credentials, audit events, rotations and operations.

pub(super) mod authorized;
pub(super) mod create_credential;
pub(super) mod credential_body;
pub(super) mod credential_id;
pub(super) mod delete_credentials;
pub(super) mod get_operation;
pub(super) mod list_audit_events;
pub(super) mod list_credentials;
pub(super) mod list_rotations;
pub(super) mod reveal_by_label;
pub(super) mod reveal_credential;
pub(super) mod update_credential;
