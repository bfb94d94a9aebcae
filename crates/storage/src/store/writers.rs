//! The writer of batches, and its lanes.

use std::sync::Arc;

use strongroom_domain::audit::chain::Chain;
use strongroom_domain::crypto::RandomSource;
use strongroom_domain::health::counters::Counters;
use strongroom_domain::ports::error::{StoreError, StoreResult};
use strongroom_domain::{Clock, LaneId};

use crate::batch::shard_fallback::ShardFallback;
use crate::batch::writer::{NewLane, SingleOrgWriter, Writer};
use crate::connect::database::Database;
use crate::writes::audit_lane::{Lane, NewLaneId};
use crate::writes::generations::Checked;

pub(super) fn writer(
    database: &Database,
    impatient: &Database,
    new_lane: &NewLane,
) -> StoreResult<Writer> {
    let lone = SingleOrgWriter {
        database: impatient.clone(),
        new_lane: new_lane.clone(),
    };
    Ok(Writer {
        database: database.clone(),
        lane: new_lane()?,
        checked: Checked::default(),
        fallback: Some(ShardFallback::start(lone)),
    })
}

pub(super) fn new_lane(
    counters: &Arc<Counters>,
    chain: Chain,
    clock: Arc<dyn Clock>,
    random: Arc<dyn RandomSource>,
) -> NewLane {
    let counters = counters.clone();
    let counted = counters.clone();
    let new_id: NewLaneId = Arc::new(move || {
        let id = LaneId::new(clock.now(), &*random)
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        counted.audit.lanes.add(1);
        Ok(id)
    });
    Arc::new(move || Lane::new(new_id.clone(), chain.clone(), counters.clone()))
}
