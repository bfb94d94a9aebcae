use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HOST;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::caller::{Caller, Permission};
use strongroom_domain::{Vault, VaultError};

use super::plain::PlainError;
use crate::authorized::{API_KEY_HEADER, app_state, request_info, single};
use crate::middleware::CallerOrg;
use crate::state::AppState;

/// What the published clients send the key in.
const APPLICATION_HEADER: &str = "X-Application-ID";

/// A caller who may manage users' keys. The API key names the organisation; without a key it is the one that
/// the operator named for anonymous callers, if any.
pub(in crate::routes) struct PiecesCaller {
    pub(super) caller: Caller,
    pub(super) vault: Arc<Vault>,
    pub(super) state: AppState,
}

impl FromRequest for PiecesCaller {
    type Error = PlainError;
    type Future = LocalBoxFuture<'static, Result<Self, PlainError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = app_state(&request)?;
            let vault = state.vault()?.clone();
            let caller = identify(&request, &state, &vault).await?;
            request.extensions_mut().insert(CallerOrg(caller.org()));
            let permission = Permission::ManageUserKeys;
            state.within(vault.authorize(&caller, permission)).await?;
            Ok(Self {
                caller,
                vault,
                state,
            })
        })
    }
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    vault: &Vault,
) -> Result<Caller, PlainError> {
    let headers = request.headers();
    let info = request_info(request);
    // A key that is sent has to be right: a wrong one does not make its sender anonymous.
    let header = [APPLICATION_HEADER, API_KEY_HEADER]
        .into_iter()
        .find(|name| headers.contains_key(*name));
    match header {
        Some(name) => {
            let key = single(headers, name).ok_or(VaultError::Unauthorized)?;
            Ok(state.within(vault.authenticate(key, info)).await?)
        }
        None if state.settings.anonymous_needs_loopback_host && !names_loopback(request) => {
            Err(VaultError::Unauthorized.into())
        }
        None => Ok(state.within(vault.anonymous(info)).await?),
    }
}

fn names_loopback(request: &HttpRequest) -> bool {
    let Some(host) = single(request.headers(), HOST.as_str()) else {
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
