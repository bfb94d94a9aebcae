use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest};
use strongroom_domain::Vault;
use strongroom_domain::caller::Caller;

use crate::client;
use crate::error::ApiError;
use crate::middleware::CallerOrg;
use crate::state::AppState;

/// Finds out with `identify` who asks, who presents `key`; from an address from which that failed too often lately,
/// only where `key` is worth it. Then counts the request.
pub(crate) async fn limited(
    request: &HttpRequest,
    state: &AppState,
    key: Option<&str>,
    identify: impl Future<Output = Result<(Caller, Arc<Vault>), ApiError>>,
) -> Result<(Caller, Arc<Vault>), ApiError> {
    let network = client::network(request);
    let failures = &state.limits.failures;
    let held_off = failures.held_off(network);
    if let Some(wait) = held_off {
        let worth_it = |key| state.opened().is_some_and(|vault| vault.recognizes(key));
        if !key.is_some_and(worth_it) {
            return Err(failures.refuse(wait));
        }
    }
    let (caller, vault) = match identify.await {
        Ok(identified) => identified,
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            failures.count(network);
            // Whatever was wrong: an address that is held off hears the same.
            return Err(held_off.map_or(error, |wait| failures.refuse(wait)));
        }
        Err(error) => return Err(error),
    };
    request.extensions_mut().insert(CallerOrg(caller.org()));
    let (standing, admitted) = state.limits.requests.admit(&caller, network);
    if let Some(standing) = standing {
        request.extensions_mut().insert(standing);
    }
    admitted?;
    Ok((caller, vault))
}
