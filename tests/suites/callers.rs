//! The commands for callers, who reach a server over HTTP with a profile.

mod credentials;
mod editing;
mod executing;
mod keys;
mod logging_in;
mod organizations;
mod repeating;
mod terminal;
pub(crate) mod user;
mod ways;
