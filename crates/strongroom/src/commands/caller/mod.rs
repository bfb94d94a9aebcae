//! Commands for callers, who reach a server over HTTP. The `mod.rs` has only the list of modules.

pub(super) mod create_credential;
pub(super) mod delete_credentials;
pub(super) mod edit_credential;
mod editor;
pub(super) mod exec;
pub(super) mod get_credential;
pub(super) mod keys;
pub(super) mod list_credentials;
pub(super) mod login;
pub(super) mod logout;
mod new_key;
pub(super) mod organizations;
mod paths;
mod revealed;
pub(super) mod session;
