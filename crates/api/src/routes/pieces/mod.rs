//! The Pieces ExternalProvider API: users' OpenAI keys. A response is a model or plain text.

mod caller;
pub(super) mod create;
pub(super) mod delete;
mod model;
pub(super) mod update;
