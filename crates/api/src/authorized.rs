use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::caller::{Caller, Permission, RequestInfo};
use strongroom_domain::{FieldError, OrgId, Vault, VaultError};

use crate::authenticate;
use crate::client;
use crate::error::ApiError;
use crate::middleware::RequestId;
use crate::state::AppState;

pub(crate) const API_KEY_HEADER: &str = "SlashID-API-Key";
pub(crate) const ORG_HEADER: &str = "SlashID-OrgID";

/// What an endpoint needs its caller to be allowed.
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

/// A caller who may do `P` in the organization that the request names. Having one is having passed
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
            let state = app_state(&request)?;
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
    let key = single(headers, API_KEY_HEADER);
    let named = single(headers, ORG_HEADER).and_then(OrgId::parse);
    let identified = identify(request, state, key, named);
    let (caller, vault) = authenticate::limited(request, state, key, identified).await?;
    state.within(vault.authorize(&caller, permission)).await?;
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
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let key = key.ok_or(VaultError::Unauthorized)?;
    let vault = state.vault()?.clone();
    let caller = state
        .within(vault.authenticate(key, request_info(request)))
        .await?;
    if named.is_some_and(|org| org != caller.org()) {
        // Beyond its limits a key does not fill the trail either. The answer is that to an unknown key all the same.
        let (_, admitted) = state
            .limits
            .requests
            .admit(&caller, client::network(request));
        if admitted.is_ok() {
            vault.record_refusal(&caller);
        }
        return Err(VaultError::Unauthorized.into());
    }
    Ok((caller, vault))
}

fn bad_org_header(headers: &HeaderMap) -> FieldError {
    if headers.contains_key(ORG_HEADER) {
        FieldError::new(
            ORG_HEADER,
            "invalid_value",
            "must be one organization's UUID",
        )
    } else {
        FieldError::new(
            ORG_HEADER,
            "required",
            "is required: the organization's UUID",
        )
    }
}

/// The header's value when it was sent exactly once, as visible ASCII.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

pub(crate) fn request_info(request: &HttpRequest) -> RequestInfo {
    let id = request.extensions().get::<RequestId>().cloned();
    RequestInfo {
        id: id.map(|id| id.0).unwrap_or_default(),
        source: client::address(request)
            .map(|address| address.to_string())
            .unwrap_or_default(),
    }
}

pub(crate) fn app_state(request: &HttpRequest) -> Result<AppState, ApiError> {
    request
        .app_data::<Data<AppState>>()
        .map(|state| state.get_ref().clone())
        .ok_or_else(|| VaultError::Internal("the server has no state".into()).into())
}
