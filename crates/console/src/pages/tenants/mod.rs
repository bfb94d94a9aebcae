//! Tenants: the tree of organizations below one, and forms for them.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod rename;
mod tree;

use strongroom_domain::OrgId;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::caller::Caller;
use strongroom_domain::organization::Organization;

use crate::error::PageError;
use crate::paths;
use crate::session::Session;

/// The path of the list.
fn list_path(session: &Session) -> String {
    format!("{}/tenants", paths::organization(session.caller.org()))
}

/// Whether the caller acts in tenants.
fn acts_below(session: &Session) -> bool {
    session.caller.limits().organizations == OrganizationReach::Descendants
}

/// The organizations below the one in which the caller acts.
///
/// # Errors
/// Those of the read.
async fn all(session: &Session) -> Result<Vec<Organization>, PageError> {
    let found = session.vault.descendants(&session.caller);
    Ok(session.state.with_deadline(found).await?)
}

/// The tenant that the path names, and the caller acting in it.
///
/// # Errors
/// 404 if it is not below the organization in which the caller acts, if the caller may not act in
/// it, or if it is deleted and that is not `deleted`.
async fn named(session: &Session, deleted: bool) -> Result<(Organization, Caller), PageError> {
    let id = session.request.match_info().get("tenant_id");
    let id = id.and_then(OrgId::parse);
    let tenants = all(session).await?.into_iter();
    let mut tenants = tenants.filter(|one| one.deleted_at.is_some() == deleted);
    let tenant = tenants.find(|one| Some(one.id) == id);
    let tenant = tenant.ok_or_else(PageError::unknown_path)?;
    let acting = session.vault.act_in(&session.caller, tenant.id, deleted);
    let acting = session.state.with_deadline(acting).await?;
    Ok((tenant, acting.ok_or_else(PageError::unknown_path)?))
}
