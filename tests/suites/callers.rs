//! The commands for callers, who reach a server over HTTP with a profile.

mod credentials;
mod editing;
mod executing;
mod logging_in;
mod repeating;
mod terminal;
mod user;
mod ways;
