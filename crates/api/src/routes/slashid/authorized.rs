use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::api_key::refusal::RefusalReason;
use strongroom_domain::caller::{Caller, Permission};
use strongroom_domain::{FieldError, OrgId, Vault, VaultError};
use strongroom_web::auth::authenticate::{authenticate_with_limits, count_request};
use strongroom_web::auth::caller::request_info;
use strongroom_web::headers::single_header;
use strongroom_web::state::AppState;

use crate::error::ApiError;
use crate::headers::{API_KEY, ORG_ID};

/// The permission that an operation requires.
pub(crate) trait Permit {
    const PERMISSION: Permission;
}

macro_rules! permits {
    ($($name:ident),+) => {
        $(
            #[derive(Debug)]
            pub(crate) struct $name;
            impl Permit for $name {
                const PERMISSION: Permission = Permission::$name;
            }
        )+
    };
}
permits!(
    ListCredentials,
    RevealCredential,
    CreateCredential,
    UpdateCredential,
    DeleteCredential,
    ReadRotations,
    ReadOperations,
    ReadAudit
);

/// A caller with the permission `P` in the organization that the request names. The checks are
/// authentication (401), the role (403) and the organization header (400), in this order.
pub(crate) struct Authorized<P> {
    pub(crate) caller: Caller,
    pub(crate) vault: Arc<Vault>,
    pub(crate) state: AppState,
    permit: PhantomData<P>,
}

impl<P: Permit + 'static> FromRequest for Authorized<P> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = AppState::of(&request)?;
            let (caller, vault) = authorize(&request, &state, P::PERMISSION).await?;
            Ok(Self {
                caller,
                vault,
                state,
                permit: PhantomData,
            })
        })
    }
}

async fn authorize(
    request: &HttpRequest,
    state: &AppState,
    permission: Permission,
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let headers = request.headers();
    let key = single_header(headers, API_KEY);
    let named = single_header(headers, ORG_ID).and_then(OrgId::parse);
    let identified = identify(request, state, key, named);
    let (caller, vault) = authenticate_with_limits(request, state, key, identified).await?;
    state
        .with_deadline(vault.authorize(&caller, permission))
        .await?;
    if named.is_none() {
        return Err(ApiError::invalid(vec![bad_org_header(headers)]));
    }
    Ok((caller, vault))
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    key: Option<&str>,
    named: Option<OrgId>,
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let key = key.ok_or(VaultError::Unauthorized)?;
    let vault = state.vault()?.clone();
    let caller = state
        .with_deadline(vault.authenticate(key, request_info(request)))
        .await?;
    if named.is_some_and(|org| org != caller.org()) {
        // A key that exceeds its rate limit must not fill the audit trail either. The response
        // remains that to an unknown key.
        return Err(match count_request(request, state, &caller) {
            Ok(()) => vault.refuse(&caller, RefusalReason::OtherOrganization),
            Err(_) => VaultError::Unauthorized,
        });
    }
    Ok((caller, vault))
}

fn bad_org_header(headers: &HeaderMap) -> FieldError {
    if headers.contains_key(ORG_ID) {
        FieldError::new(ORG_ID, "invalid_value", "must be one organization's UUID")
    } else {
        FieldError::new(ORG_ID, "required", "is required: the organization's UUID")
    }
}
