use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
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
use crate::presented::Sent;
use crate::routes::access::{Access, PathAccess};

/// A caller whom the route's access rule admits, in the organization that the request names. The
/// checks are authentication (401), the permission (403) and the organization header (400), in this
/// order.
pub(crate) struct Authorized {
    pub(crate) caller: Caller,
    pub(crate) vault: Arc<Vault>,
    pub(crate) state: Data<AppState>,
}

impl FromRequest for Authorized {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = AppState::of(&request)?;
            let access = PathAccess::of(&request)?;
            let (caller, vault) = authorize(&request, &state, access).await?;
            Ok(Self {
                caller,
                vault,
                state,
            })
        })
    }
}

async fn authorize(
    request: &HttpRequest,
    state: &AppState,
    access: Access,
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let headers = request.headers();
    let sent = Sent::read(headers);
    let presented = sent.presented.as_ref();
    let named = single_header(headers, ORG_ID).and_then(OrgId::parse);
    let deleted = matches!(access, Access::NeedsOnDeleted(_));
    let identify = async || identify(request, state, presented, (named, deleted)).await;
    let authenticated = authenticate_with_limits(request, state, presented, identify).await;
    let (caller, vault) = authenticated.map_err(|error| sent.challenge(error.into()))?;
    if let Some(permission) = access.permission(&caller) {
        let permitted = state.with_deadline(vault.authorize(&caller, permission));
        let permitted = permitted.await.map_err(ApiError::from);
        permitted.map_err(|error| sent.insufficient(error, permission))?;
    }
    if named.is_none() {
        return Err(ApiError::invalid(vec![bad_org_header(headers)]));
    }
    Ok((caller, vault))
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<&Presented<'_>>,
    (named, deleted): (Option<OrgId>, bool),
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let presented = presented.ok_or(VaultError::Unauthorized)?;
    let vault = state.vault()?.clone();
    let caller = state
        .with_deadline(vault.authenticate(presented, request_info(request)))
        .await?;
    let Some(org) = named else {
        return Ok((caller, vault));
    };
    let acting = state
        .with_deadline(vault.act_in(&caller, org, deleted))
        .await?;
    match acting {
        Some(acting) => Ok((acting, vault)),
        // A key that exceeds its rate limit must not fill the audit trail either. The response
        // remains that to an unknown key.
        None => Err(match count_request(request, state, &caller) {
            Ok(()) => vault.refuse(&caller, RefusalReason::OtherOrganization),
            Err(_) => VaultError::Unauthorized,
        }),
    }
}

fn bad_org_header(headers: &HeaderMap) -> FieldError {
    if headers.contains_key(ORG_ID) {
        FieldError::new(ORG_ID, "invalid_value", "must be one organization's UUID")
    } else {
        FieldError::new(ORG_ID, "required", "is required: the organization's UUID")
    }
}
