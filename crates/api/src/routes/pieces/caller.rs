use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HOST;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::caller::{Caller, Permission};
use strongroom_domain::{Vault, VaultError};

use super::plain::PlainError;
use crate::authenticate;
use crate::authorized::{API_KEY_HEADER, app_state, request_info, single};
use crate::error::ApiError;
use crate::state::AppState;

/// What the published clients send the key in.
const APPLICATION_HEADER: &str = "X-Application-ID";

/// A caller who may manage users' keys. The API key names the organization; without a key it is the one that
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
            let key = key(&request);
            let identified = identify(&request, &state, key);
            let presented = key.flatten();
            let (caller, vault) =
                authenticate::limited(&request, &state, presented, identified).await?;
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

// `None` when no key was sent, and nothing in it when it was sent twice.
fn key(request: &HttpRequest) -> Option<Option<&str>> {
    let headers = request.headers();
    let name = [APPLICATION_HEADER, API_KEY_HEADER]
        .into_iter()
        .find(|name| headers.contains_key(*name))?;
    Some(single(headers, name))
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    key: Option<Option<&str>>,
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let vault = state.vault()?.clone();
    let info = request_info(request);
    let caller = match key {
        // A key that is sent has to be right: a wrong one does not make its sender anonymous.
        Some(key) => {
            let key = key.ok_or(VaultError::Unauthorized)?;
            state.within(vault.authenticate(key, info)).await?
        }
        None if state.settings.anonymous_needs_loopback_host && !names_loopback(request) => {
            return Err(VaultError::Unauthorized.into());
        }
        None => state.within(vault.anonymous(info)).await?,
    };
    Ok((caller, vault))
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
