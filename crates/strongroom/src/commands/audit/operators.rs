use strongroom_domain::caller::Caller;
use strongroom_domain::{OrgId, Vault};

use crate::callers::{operator, operator_of};
use crate::error::CommandError;

/// The operator in the organization `org`, or in the installation and every organization. An
/// organization whose row was removed is accepted as long as it has an audit trail.
pub(super) async fn operators(
    vault: &Vault,
    org: Option<&str>,
) -> Result<Vec<Caller>, CommandError> {
    let listed = vault.organizations().await?;
    let Some(org) = org else {
        let listed = listed.iter().map(|org| org.id);
        let all = [OrgId::INSTALLATION].into_iter().chain(listed);
        return Ok(all.map(operator_of).collect());
    };
    let caller = operator(org)?;
    let is_listed = listed.iter().any(|listed| listed.id == caller.org());
    if !is_listed && vault.audit_heads(&caller).await?.heads.is_empty() {
        return Err(CommandError::not_found("organization", org));
    }
    Ok(vec![caller])
}
