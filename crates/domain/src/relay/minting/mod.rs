//! Minting of tokens: what a token endpoint is sent, and what its answer says.

pub mod answer;
mod assertion;
pub mod request;
pub mod token;
