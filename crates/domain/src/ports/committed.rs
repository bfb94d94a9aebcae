//! What a store knows of a write that is durable.

use crate::entity_tag::EntityTag;
use crate::idempotency::EarlierRequest;
use crate::replication::WalPosition;

/// The facts about a write once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// The end of the write in the primary's log, when a caller waits for regions to reach it.
    pub position: Option<WalPosition>,
    /// The result of an earlier request with the same idempotency key; this one wrote nothing.
    pub earlier: Option<EarlierRequest>,
    /// The entity tag of the credential that was written.
    pub etag: Option<EntityTag>,
}
