use std::sync::Arc;

use strongroom_crypto::Digest;

use super::StoreResult;
use crate::audit::Outcome;
use crate::credential::SealedCredential;
use crate::idempotency::{Claim, Earlier};
use crate::last_use::StoredCredential;
use crate::replication::{OperationId, WalPosition};

/// What a change makes of a row.
#[derive(Debug)]
pub struct ChangedCredential {
    /// The row to store.
    pub row: SealedCredential,
    /// The digest that its audit event carries.
    pub digest: Digest,
}

/// Makes the new row out of the current one, inside the transaction that holds it. May run more than once.
/// Fails with [`Refused`](super::StoreError::Refused) or [`RetiredKey`](super::StoreError::RetiredKey), and then
/// nothing is written.
pub type ChangeFn = Arc<dyn Fn(SealedCredential) -> StoreResult<ChangedCredential> + Send + Sync>;

/// What a look at a credential found, for its audit event.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// How the look ended.
    pub outcome: Outcome,
    /// The row's version, where there was one to read.
    pub version: Option<i64>,
}

/// Looks at a credential's row, or at its absence; [`Malformed`](super::StoreError::Malformed) is shown to it as well.
/// May run more than once. Fails with [`RetiredKey`](super::StoreError::RetiredKey) when the row needs a key that is
/// not at hand, and then nothing is recorded.
pub type LookFn =
    Arc<dyn Fn(StoreResult<Option<Arc<StoredCredential>>>) -> StoreResult<Seen> + Send + Sync>;

/// What a write leaves beside its rows, in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct Tracking {
    /// A row that shows where the write has arrived.
    pub operation: Option<OperationId>,
    /// A claim by which a repetition of the request is known; always with an operation.
    pub claim: Option<Claim>,
}

/// What is known of a write once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Where it ends in the primary's log, when somebody waits for it there.
    pub position: Option<WalPosition>,
    /// What an earlier request with the same claim did; this one then did nothing.
    pub earlier: Option<Earlier>,
}
