//! Use of a credential without a reveal: what is sent where, and what of the answer is hidden.

pub mod answer;
pub mod encodings;
pub mod error;
pub mod hosts;
pub mod injection;
mod members;
pub mod minting;
pub mod parse;
pub mod path;
mod places;
pub mod policy;
pub mod policy_info;
pub mod presets;
pub mod request;
pub mod rules;
pub mod scrubber;
pub mod secret;
pub mod stored;
