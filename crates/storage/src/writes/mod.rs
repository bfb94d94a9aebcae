//! What a write does to the tables, inside the transaction of its batch.

pub(crate) mod admin;
pub(crate) mod audit_lane;
pub(crate) mod credentials;
pub(crate) mod generations;
pub(crate) mod idempotency;
pub(crate) mod member;
pub(crate) mod new_rows;
pub(crate) mod write;

use strongroom_domain::OrgId;
use strongroom_domain::ports::error::StoreResult;

use crate::transaction::OrgTransaction;
use crate::writes::admin::administer;
use crate::writes::credentials::{change, delete};
use crate::writes::idempotency::claim;
use crate::writes::member::Member;
use crate::writes::write::Write;

/// Carries out what needs answers from the database for every write of `batch`. A write that fails by itself has
/// that as its result, and has changed nothing; an error fails the batch as a whole. What is left to do for those
/// that did not fail is in the statements of [`NewRows`]. With the generations that changed rows name.
pub(crate) async fn carry_out<'a>(
    transaction: &OrgTransaction,
    batch: &'a [Write],
) -> StoreResult<(Vec<Member<'a>>, Vec<(OrgId, i32)>)> {
    let mut members: Vec<Member<'_>> = batch.iter().map(Member::new).collect();
    claim(transaction, &mut members).await?;
    let used = change(transaction, &mut members).await?;
    delete(transaction, &mut members).await?;
    for member in &mut members {
        member.result = match std::mem::replace(&mut member.result, Ok(())) {
            Ok(()) => administer(transaction, member.write).await?,
            failed => failed,
        };
    }
    Ok((members, used))
}
