//! The audit trail: its events, one of them, a download, and verifications.

pub(crate) mod event;
pub(crate) mod export;
mod filter;
pub(crate) mod trail;
pub(crate) mod verification;
