//! The client of other hosts, against servers that misbehave.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod answers;
mod destinations;
mod dns;
mod requests;
mod support;
mod upstream;
