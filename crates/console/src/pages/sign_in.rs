//! Signing in.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use strongroom_domain::caller::Caller;
use strongroom_domain::oauth::client::ClientCredentials;
use strongroom_domain::presented::Presented;
use strongroom_domain::{Vault, VaultError};
use strongroom_web::auth::authenticate::authenticate_with_limits;
use strongroom_web::auth::caller::request_info;
use strongroom_web::body::read_form;
use strongroom_web::form::Form;
use strongroom_web::query::Params;
use strongroom_web::refusal::RequestError;
use strongroom_web::state::AppState;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{html, see_other};
use crate::paths::{CONSOLE, SIGN_IN};
use crate::sign_in_path::own_page;
use crate::{cookie, origin};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    action: &'static str,
    next: &'a str,
    client_id: &'a str,
    error: Option<&'a str>,
    flash: Option<Flash>,
}

impl Page<'_> {
    fn new(next: &str) -> Page<'_> {
        Page {
            action: SIGN_IN,
            next,
            client_id: "",
            error: None,
            flash: None,
        }
    }
}

/// Shows the form.
pub(crate) async fn show(request: HttpRequest) -> Result<HttpResponse, PageError> {
    let next = Params::parse(request.query_string()).take("next");
    let next = next.as_deref().and_then(own_page).unwrap_or(CONSOLE);
    let flash = Flash::of(&request);
    let page = Page {
        flash,
        ..Page::new(next)
    };
    let mut response = html(&page, StatusCode::OK)?;
    if flash.is_some() {
        cookie::set_flash(&request, response.headers_mut(), None);
    }
    Ok(response)
}

/// Begins a session with what the form contains.
pub(crate) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, PageError> {
    origin::check(&request)?;
    let state = AppState::of(&request)?;
    let body = read_form(&request, payload, &state).await?;
    let mut form = Form::parse(&body);
    let (next, client_id) = (form.take("next")?, form.take("client_id")?);
    let next = next.as_deref().and_then(own_page).unwrap_or(CONSOLE);
    let secret = form.take("secret")?;
    let page = Page {
        client_id: client_id.as_deref().unwrap_or_default(),
        ..Page::new(next)
    };
    let Some(secret) = secret.as_deref().map(str::trim) else {
        let error = Some("Enter an API key, or the secret of the client.");
        return html(&Page { error, ..page }, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let presented = match client_id.as_deref().map(str::trim) {
        None => Some(Presented::ApiKey(secret)),
        Some(id) => ClientCredentials::parse(id, secret).map(Presented::Client),
    };
    let Some(session) = begin(&request, &state, presented.as_ref()).await? else {
        let error = Some("This is not a valid API key, or client and secret, or it has ended.");
        return html(&Page { error, ..page }, StatusCode::FORBIDDEN);
    };
    let mut response = see_other(next, None);
    cookie::set_session(&request, response.headers_mut(), Some(session.expose()));
    Ok(response)
}

/// The text of a new session; `None` if what is presented is not valid.
async fn begin(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<&Presented<'_>>,
) -> Result<Option<strongroom_domain::crypto::SecretString>, PageError> {
    let identify = async || identify(request, state, presented).await;
    let authenticated = authenticate_with_limits(request, state, presented, identify);
    let (caller, vault) = match authenticated.await {
        Ok(identified) => identified,
        Err(RequestError::Vault(VaultError::Unauthorized)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let presented = presented.ok_or(VaultError::Unauthorized)?;
    end_previous(request, state, &vault).await?;
    let begun = vault.begin_console_session(&caller, presented);
    Ok(Some(state.write_with_deadline(begun).await?))
}

/// Ends the session that the browser had, which it forgets with the new one.
async fn end_previous(
    request: &HttpRequest,
    state: &AppState,
    vault: &Vault,
) -> Result<(), VaultError> {
    let Some(text) = cookie::session(request) else {
        return Ok(());
    };
    let presented = Presented::Session(text);
    let previous = vault.authenticate(&presented, request_info(request));
    match state.with_deadline(previous).await {
        Ok(previous) => {
            let ended = vault.end_console_session(&previous);
            state.write_with_deadline(ended).await
        }
        Err(VaultError::Unauthorized) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    presented: Option<&Presented<'_>>,
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let presented = presented.ok_or(VaultError::Unauthorized)?;
    let vault = state.vault()?.clone();
    let authenticated = vault.authenticate(presented, request_info(request));
    Ok((state.with_deadline(authenticated).await?, vault))
}
