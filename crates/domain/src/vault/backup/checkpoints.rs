//! The checkpoints of one organization's lanes, beside their events.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::backup::record::CheckpointRow;
use crate::caller::Caller;
use crate::error::VaultError;
use crate::ids::LaneId;
use crate::ports::backup::Snapshot;

/// The number of checkpoints per statement.
const ROWS: i64 = 1000;

/// Checkpoints ordered by lane, read one page ahead.
#[derive(Default)]
pub(super) struct Checkpoints {
    page: VecDeque<CheckpointRow>,
    last: Option<LaneId>,
    ended: bool,
}

impl Checkpoints {
    /// The checkpoints of the lanes up to `lane`, or all remaining ones.
    pub(super) async fn until(
        &mut self,
        snapshot: &dyn Snapshot,
        caller: &Caller,
        lane: Option<Uuid>,
    ) -> Result<Vec<CheckpointRow>, VaultError> {
        let mut due = Vec::new();
        loop {
            while self
                .page
                .front()
                .is_some_and(|row| lane.is_none_or(|lane| row.lane <= lane))
            {
                due.extend(self.page.pop_front());
            }
            if !self.page.is_empty() || self.ended {
                return Ok(due);
            }
            let page = snapshot
                .checkpoints(caller.scope(), self.last, ROWS)
                .await?;
            self.ended = page.is_empty();
            self.last = page.last().map(|row| LaneId(row.lane));
            self.page = page.into();
        }
    }
}
