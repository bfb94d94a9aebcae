//! Commands for callers, who reach a server over HTTP. The `mod.rs` has only the list of modules.

pub(super) mod adoption;
pub(super) mod create_credential;
pub(super) mod delete_credentials;
pub(super) mod destroy_version;
pub(super) mod edit_credential;
mod editor;
pub(super) mod exec;
pub(super) mod get_credential;
pub(super) mod keys;
pub(super) mod list_credentials;
pub(super) mod list_versions;
pub(super) mod login;
pub(super) mod logout;
mod new_key;
pub(super) mod organization_settings;
pub(super) mod organizations;
mod paths;
pub(super) mod promote_version;
pub(super) mod restore_credential;
mod revealed;
pub(super) mod session;
pub(super) mod test_relay_policy;
