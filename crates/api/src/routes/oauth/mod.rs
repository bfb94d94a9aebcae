//! OAuth 2.0: an organization's clients, and the endpoints of access tokens.

mod client_body;
mod client_id;
mod client_members;
pub(super) mod create_client;
pub(super) mod delete_client;
pub(super) mod get_client;
pub(super) mod introspect_token;
pub(super) mod issue_token;
pub(super) mod list_clients;
pub(super) mod replace_secret;
pub(super) mod revoke_token;
mod token_request;
mod token_responses;
pub(super) mod update_client;
