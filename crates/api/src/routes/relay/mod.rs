//! Use of credentials without a reveal.

mod caller;
pub(super) mod delete_policy;
pub(super) mod get_policy;
mod policy_body;
mod presented;
pub(super) mod put_policy;
pub(super) mod use_credential;
