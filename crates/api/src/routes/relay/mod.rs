//! Use of credentials without a reveal.

mod caller;
pub(super) mod delete_policy;
pub(super) mod get_policy;
pub(super) mod mint_token;
mod policy_body;
mod presented;
pub(super) mod put_policy;
mod relayed_body;
pub(super) mod test_policy;
pub(super) mod use_credential;
