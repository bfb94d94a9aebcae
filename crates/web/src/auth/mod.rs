//! Authentication, with the rate limits that depend on its outcome.

pub mod authenticate;
pub mod caller;
