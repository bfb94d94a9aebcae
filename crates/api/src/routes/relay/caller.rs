//! The caller of the relay.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::api_key::refusal::RefusalReason;
use strongroom_domain::caller::Caller;
use strongroom_domain::presented::Presented;
use strongroom_domain::{FieldError, OrgId, Vault, VaultError};
use strongroom_web::auth::authenticate::{authenticate_with_limits, count_request};
use strongroom_web::auth::caller::request_info;
use strongroom_web::headers::single_header;
use strongroom_web::state::AppState;

use crate::error::ApiError;
use crate::headers::ORG_ID;
use crate::routes::access::PathAccess;
use crate::routes::relay::presented::RelayPresented;

/// The caller, in the organization that the request names, or else in that of its key. The checks
/// are authentication (401), the permission (403) and the organization header (400).
pub(super) async fn authorize(
    request: &HttpRequest,
    state: &AppState,
    sent: &RelayPresented,
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let headers = request.headers();
    let presented = sent.presented();
    let named = single_header(headers, ORG_ID).and_then(OrgId::parse);
    let presented = presented.as_ref();
    let identify = async || identify(request, state, presented, named).await;
    let authenticated = authenticate_with_limits(request, state, presented, identify).await;
    let (caller, vault) = authenticated?;
    if let Some(permission) = PathAccess::of(request)?.permission(&caller) {
        let permitted = vault.authorize(&caller, permission);
        state.with_deadline(permitted).await?;
    }
    if named.is_none() {
        check_unnamed(headers, &caller)?;
    }
    Ok((caller, vault))
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<&Presented<'_>>,
    named: Option<OrgId>,
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let presented = presented.ok_or(VaultError::Unauthorized)?;
    let vault = state.vault()?.clone();
    let caller = vault.authenticate(presented, request_info(request));
    let caller = state.with_deadline(caller).await?;
    let Some(org) = named else {
        return Ok((caller, vault));
    };
    let acting = vault.act_in(&caller, org, false);
    match state.with_deadline(acting).await? {
        Some(acting) => Ok((acting, vault)),
        None => Err(match count_request(request, state, &caller) {
            Ok(()) => vault.refuse(&caller, RefusalReason::OtherOrganization),
            Err(_) => VaultError::Unauthorized,
        }),
    }
}

fn check_unnamed(headers: &HeaderMap, caller: &Caller) -> Result<(), ApiError> {
    let error = if headers.contains_key(ORG_ID) {
        FieldError::new(ORG_ID, "invalid_value", "must be one organization's UUID")
    } else if caller.limits().organizations == OrganizationReach::Descendants {
        let why = "is required: the key acts in several organizations";
        FieldError::new(ORG_ID, "required", why)
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(vec![error]))
}
