//! The audit trail: what an event says, and how events are chained.
//!
//! Events form one chain per organization and *lane*. A lane is one writer's life, so that servers never
//! queue behind each other's heads. Every event carries a keyed digest over itself and the digest before
//! it; a lane's first event also names the heads of the lanes that were there before it.

pub mod chain;
pub mod event;
pub mod heads;
pub mod signed;
pub mod stored;
pub mod walk;
