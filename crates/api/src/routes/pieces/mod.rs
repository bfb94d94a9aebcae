//! The Pieces ExternalProvider API: users' OpenAI keys. Its answers are a model or plain text.

mod caller;
pub(super) mod create;
pub(super) mod delete;
mod model;
mod plain;
pub(super) mod update;

pub(crate) use plain::PlainError;
