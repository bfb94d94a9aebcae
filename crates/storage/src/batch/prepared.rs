//! A batch of writes before its commit.

use strongroom_domain::OrgId;
use strongroom_domain::caller::OrgScope;
use strongroom_domain::ports::error::StoreResult;

use crate::connect::database::Database;
use crate::transaction::OrgTransaction;
use crate::writes::audit_lane::Lane;
use crate::writes::audit_lane::rows::Chained;
use crate::writes::carry_out;
use crate::writes::member::Member;
use crate::writes::write::{Write, WriteOp};

/// A batch of which everything is done that needs answers from the database before the commit.
pub(super) struct Prepared<'b> {
    pub(super) transaction: OrgTransaction,
    pub(super) members: Vec<Member<'b>>,
    /// The key generations of changed rows.
    pub(super) used: Vec<(OrgId, i32)>,
    /// `None` when there is nothing to record.
    pub(super) chained: Option<Chained<'b>>,
}

impl<'b> Prepared<'b> {
    /// Prepares `batch`. With `uses_first`, uses that are outdated fail alone.
    pub(super) async fn of(
        batch: &'b [Write],
        (database, lane): (&Database, &Lane),
        uses_first: bool,
    ) -> StoreResult<Self> {
        let scopes: Vec<OrgScope> = batch.iter().flat_map(Write::scopes).collect();
        let transaction = OrgTransaction::begin(database, &scopes).await?;
        let chain = lane.chain_key();
        let (members, used) = carry_out(&transaction, batch, chain, uses_first).await?;
        let (format, record_format) = (chain.format(), chain.record_format());
        let recorded = |member: &Member<'b>| {
            let event = member.recorded(record_format);
            let event = event.map(|event| (member.write.scope, event));
            event
                .into_iter()
                .chain(member.recorded_further(record_format))
        };
        let events: Vec<_> = members.iter().flat_map(recorded).collect();
        let chained = match events.is_empty() {
            true => None,
            false => Some(lane.chain(&transaction, events, format).await?),
        };
        Ok(Self {
            transaction,
            members,
            used,
            chained,
        })
    }

    /// Whether a write changes more than the audit trail.
    pub(super) fn changes_rows(&self) -> bool {
        let changes = |member: &Member<'_>| {
            member.has_written()
                && !matches!(
                    member.write.op,
                    WriteOp::Record | WriteOp::RecordIfCurrent(_)
                )
        };
        self.members.iter().any(changes)
    }
}
