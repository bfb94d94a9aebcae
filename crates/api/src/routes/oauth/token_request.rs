//! Requests of OAuth 2.0 clients at the token endpoints.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::caller::{Actor, Caller};
use strongroom_domain::oauth::client::client_id;
use strongroom_domain::presented::Presented;
use strongroom_domain::{Vault, VaultError};
use strongroom_web::auth::authenticate::authenticate_with_limits;
use strongroom_web::auth::caller::request_info;
use strongroom_web::form::{Form, FormValue};
use strongroom_web::state::AppState;

use crate::presented::Sent;
use crate::token_error::TokenError;

/// A client that identified itself by HTTP Basic.
pub(in crate::routes) struct TokenCaller {
    pub(super) caller: Caller,
    pub(super) vault: Arc<Vault>,
    pub(super) state: Data<AppState>,
}

impl FromRequest for TokenCaller {
    type Error = TokenError;
    type Future = LocalBoxFuture<'static, Result<Self, TokenError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let state = AppState::of(&request)?;
            let sent = Sent::read(request.headers()).presented;
            let client = sent.filter(|sent| matches!(sent, Presented::Client(_)));
            let client = client.as_ref();
            let identify = async || {
                let vault = state.vault()?.clone();
                let client = client.ok_or(VaultError::Unauthorized)?;
                let caller = vault.authenticate(client, request_info(&request));
                Ok((state.with_deadline(caller).await?, vault))
            };
            let authenticated = authenticate_with_limits(&request, &state, client, identify);
            let (caller, vault) = authenticated.await?;
            Ok(Self {
                caller,
                vault,
                state,
            })
        })
    }
}

/// Checks that a form names no other client, and no secret: a request has one method of
/// authentication (RFC 6749 § 2.3).
///
/// # Errors
/// `invalid_request`.
pub(super) fn check_client(form: &mut Form<'_>, caller: &Caller) -> Result<(), TokenError> {
    if form.take("client_secret")?.is_some() {
        let message = "the client's secret is sent in Authorization, and not in the body";
        return Err(TokenError::new("invalid_request", message));
    }
    let Actor::Client(id) = caller.actor() else {
        return Err(TokenError::invalid_client());
    };
    let own = client_id(caller.home(), id);
    match form.take("client_id")? {
        Some(other) if *other != *own => {
            let message = "client_id is not the client in Authorization";
            Err(TokenError::new("invalid_request", message))
        }
        _ => Ok(()),
    }
}

/// The parameter `token`.
///
/// # Errors
/// `invalid_request` if it was not sent.
pub(super) fn token<'a>(form: &mut Form<'a>) -> Result<FormValue<'a>, TokenError> {
    let token = form.take("token")?;
    token.ok_or_else(|| TokenError::new("invalid_request", "token is required"))
}
