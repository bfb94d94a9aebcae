//! The control plane: organizations and their API keys.

pub(super) mod create_api_key;
pub(super) mod create_suborganization;
pub(super) mod delete_api_key;
pub(super) mod delete_organization;
pub(super) mod get_config;
pub(super) mod get_organization;
mod key_body;
pub(super) mod list_api_keys;
pub(super) mod list_suborganizations;
mod new_key;
mod organization_body;
mod organization_filter;
pub(super) mod replace_api_key;
pub(super) mod restore_organization;
pub(super) mod start_rotation;
pub(super) mod update_config;
pub(super) mod update_organization;
