//! The audit trail: events, and the chains that link them.
//!
//! Events form one chain per organization and *lane*. A lane contains the events of one writer
//! process, so that servers do not wait for each other's heads. Every event carries a keyed digest
//! over its content and the previous digest. The first event of a lane, and one an hour, also names
//! the heads of the other lanes.

pub mod chain;
mod credential_digests;
pub mod details;
pub mod event;
pub mod format;
pub mod heads;
pub mod kept;
pub mod mark;
pub mod proof;
pub mod report;
pub mod root;
pub mod signed;
pub mod stored;
pub mod walk;
