//! What a write does to the tables, inside the transaction of its batch.

pub(crate) mod admin;
pub(crate) mod audit_lane;
pub(crate) mod changes;
mod console_sessions;
pub(crate) mod deletions;
pub(crate) mod generations;
pub(crate) mod idempotency;
pub(crate) mod installation;
mod locked;
pub(crate) mod member;
pub(crate) mod new_rows;
pub(crate) mod oauth;
pub(crate) mod policies;
pub(crate) mod write;

use strongroom_domain::OrgId;
use strongroom_domain::audit::chain::Chain;
use strongroom_domain::ports::error::StoreResult;

use crate::transaction::OrgTransaction;
use crate::writes::admin::administer;
use crate::writes::changes::change;
use crate::writes::deletions::delete;
use crate::writes::idempotency::claim;
use crate::writes::member::Member;
use crate::writes::write::Write;

/// Carries out the parts of a batch that need answers from the database. A write that fails alone
/// has its error as its result and has changed nothing; an error fails the batch as a whole. The
/// inserts follow in [`new_rows::steps`]. With `uses`, requests whose rows are not current fail
/// here, and not the commit. Also returns the key generations of changed rows.
pub(crate) async fn carry_out<'a>(
    transaction: &OrgTransaction,
    batch: &'a [Write],
    chain: &Chain,
    uses: bool,
) -> StoreResult<(Vec<Member<'a>>, Vec<(OrgId, i32)>)> {
    let mut members: Vec<Member<'_>> = batch.iter().map(Member::new).collect();
    claim(transaction, &mut members, chain).await?;
    let mut used = change(transaction, &mut members).await?;
    delete(transaction, &mut members).await?;
    used.extend(policies::put(transaction, &mut members).await?);
    if uses {
        policies::refuse_outdated(transaction, &mut members).await?;
    }
    for member in &mut members {
        member.result = match std::mem::replace(&mut member.result, Ok(())) {
            Ok(()) => administer(transaction, member.write).await?,
            failed => failed,
        };
    }
    Ok((members, used))
}
