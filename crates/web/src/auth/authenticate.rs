//! Authentication within the rate limits.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use strongroom_domain::caller::Caller;
use strongroom_domain::presented::Presented;
use strongroom_domain::{Vault, VaultError};

use crate::auth::caller::CallerOrg;
use crate::client_ip;
use crate::refusal::{Refusal, RequestError};
use crate::state::AppState;

/// Identifies the caller of `presented` with `identify`, and counts the request.
///
/// For an address that is blocked, `identify` runs only if the vault recognizes what is presented.
///
/// # Errors
/// 429 if the address is blocked or the request exceeds a rate limit, and the errors of `identify`.
pub async fn authenticate_with_limits(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<&Presented<'_>>,
    identify: impl AsyncFnOnce() -> Result<(Caller, Arc<Vault>), VaultError>,
) -> Result<(Caller, Arc<Vault>), RequestError> {
    let network = client_ip::network(request);
    let failures = &state.limits.failures;
    let blocked = failures.blocked_for(network);
    if let Some(wait) = blocked {
        let is_recognized = |shown| state.opened().is_some_and(|vault| vault.recognizes(shown));
        if !presented.is_some_and(is_recognized) {
            return Err(failures.refuse(wait).into());
        }
    }
    let (caller, vault) = match identify().await {
        Ok(identified) => identified,
        Err(error @ (VaultError::Unauthorized | VaultError::KeyRefused(_))) => {
            if let VaultError::KeyRefused(key) = error {
                request.extensions_mut().insert(key);
            }
            failures.count(network);
            // A blocked address receives the same response for every failure.
            return Err(match blocked {
                Some(wait) => failures.refuse(wait).into(),
                None => VaultError::Unauthorized.into(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    request.extensions_mut().insert(CallerOrg(caller.org()));
    let (status, admitted) = state.limits.requests.admit(&caller, network);
    if let Some(status) = status {
        request.extensions_mut().insert(status);
    }
    admitted?;
    Ok((caller, vault))
}

/// Counts a request of `caller` without showing the remaining limit in the response.
///
/// # Errors
/// 429 if the request exceeds a rate limit.
pub fn count_request(
    request: &HttpRequest,
    state: &AppState,
    caller: &Caller,
) -> Result<(), Refusal> {
    let network = client_ip::network(request);
    state.limits.requests.admit(caller, network).1
}

/// Counts an access token that `caller`, an OAuth 2.0 client, obtains.
///
/// # Errors
/// 429 if the client has obtained too many.
pub fn count_token(state: &AppState, caller: &Caller) -> Result<(), Refusal> {
    state.limits.tokens.admit(caller)
}
