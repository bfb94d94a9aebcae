use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HOST};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::caller::Caller;
use strongroom_domain::presented::Presented;
use strongroom_domain::{Vault, VaultError};
use strongroom_web::auth::authenticate::authenticate_with_limits;
use strongroom_web::auth::caller::request_info;
use strongroom_web::headers::single_header;
use strongroom_web::state::AppState;

use crate::headers::{API_KEY, APPLICATION_ID};
use crate::plain_error::PlainError;
use crate::routes::access::{Access, PathAccess};

/// A caller who may manage users' keys. The API key determines the organization. Without a key, it
/// is the one that the operator configured for anonymous callers, if any.
pub(in crate::routes) struct PiecesCaller {
    pub(super) caller: Caller,
    pub(super) vault: Arc<Vault>,
    pub(super) state: Data<AppState>,
}

impl FromRequest for PiecesCaller {
    type Error = PlainError;
    type Future = LocalBoxFuture<'static, Result<Self, PlainError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = AppState::of(&request)?;
            let key = key(&request);
            let presented = key.flatten().map(Presented::ApiKey);
            let presented = presented.as_ref();
            let identify = async || identify(&request, &state, key.map(|_| presented)).await;
            let (caller, vault) =
                authenticate_with_limits(&request, &state, presented, identify).await?;
            if let Access::NeedsOrAnonymous(permission) = PathAccess::of(&request)? {
                state
                    .with_deadline(vault.authorize_for_user_keys(&caller, permission))
                    .await?;
            }
            Ok(Self {
                caller,
                vault,
                state,
            })
        })
    }
}

// `None` if the request has no key, and `Some(None)` if it has two. The Pieces API does not read
// `Authorization`, so a request with that header is refused, and is not treated as anonymous.
fn key(request: &HttpRequest) -> Option<Option<&str>> {
    let headers = request.headers();
    if headers.contains_key(AUTHORIZATION) {
        return Some(None);
    }
    let name = [APPLICATION_ID, API_KEY]
        .into_iter()
        .find(|name| headers.contains_key(*name))?;
    Some(single_header(headers, name))
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<Option<&Presented<'_>>>,
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let vault = state.vault()?.clone();
    let info = request_info(request);
    let caller = match presented {
        // A sender with an invalid key is not treated as anonymous.
        Some(presented) => {
            let presented = presented.ok_or(VaultError::Unauthorized)?;
            state
                .with_deadline(vault.authenticate(presented, info))
                .await?
        }
        None if state.settings.anonymous_needs_loopback_host && !names_loopback(request) => {
            return Err(VaultError::Unauthorized);
        }
        None => state.with_deadline(vault.anonymous(info)).await?,
    };
    Ok((caller, vault))
}

fn names_loopback(request: &HttpRequest) -> bool {
    let Some(host) = single_header(request.headers(), HOST.as_str()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = address
        .parse()
        .is_ok_and(|address: IpAddr| address.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost")
}
