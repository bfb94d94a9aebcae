//! The caller of a page.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use futures_util::future::LocalBoxFuture;
use strongroom_domain::api_key::refusal::RefusalReason;
use strongroom_domain::caller::Caller;
use strongroom_domain::permission::Permission;
use strongroom_domain::presented::Presented;
use strongroom_domain::{OrgId, PendingReplication, Vault, VaultError};
use strongroom_web::auth::authenticate::{authenticate_with_limits, count_request};
use strongroom_web::auth::caller::request_info;
use strongroom_web::refusal::RequestError;
use strongroom_web::state::AppState;
use zeroize::Zeroizing;

use crate::cookie;
use crate::error::PageError;
use crate::flash::Flash;
use crate::sign_in_path;

/// The header with which the script asks for a part of a page.
pub(crate) const HX_REQUEST: &str = "hx-request";
const HX_REDIRECT: &str = "hx-redirect";
/// Longest time for which a write waits for regions.
const REPLICATION: Duration = Duration::from_secs(30);

/// A caller with a session, acting in the organization that the path names, or else in its own.
pub(crate) struct Session {
    pub(crate) caller: Caller,
    pub(crate) vault: Arc<Vault>,
    pub(crate) state: Data<AppState>,
    pub(crate) request: HttpRequest,
    text: Zeroizing<String>,
}

/// Why a request has no session.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// There is no session: the request is answered with the way to the form for signing in.
    SignIn(HttpRequest),
    /// An error.
    Error(PageError),
}

impl Session {
    /// Checks that the caller has `permission`. Records a refusal.
    ///
    /// # Errors
    /// 403 if it does not.
    pub(crate) async fn authorize(&self, permission: Permission) -> Result<(), PageError> {
        let permitted = self.vault.authorize(&self.caller, permission);
        Ok(self.state.with_deadline(permitted).await?)
    }

    /// Checks that the session has not ended, and that its caller has `permission` still.
    ///
    /// # Errors
    /// 403 otherwise.
    pub(crate) async fn check(&self, permission: Permission) -> Result<(), VaultError> {
        let presented = Presented::Session(&self.text);
        let (caller, _) = identify(&self.request, &self.state, &presented).await?;
        caller.require(permission)
    }

    /// Runs a write, and waits until the required regions have it.
    ///
    /// # Errors
    /// Those of the write.
    pub(crate) async fn write<T>(
        &self,
        write: impl Future<Output = Result<PendingReplication<T>, VaultError>>,
    ) -> Result<T, VaultError> {
        let written = self.state.write_with_deadline(write).await?;
        let replicated = self.vault.replicated(&self.caller, written, REPLICATION);
        replicated.await
    }

    /// Whether the caller has `permission`.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.caller.require(permission).is_ok()
    }

    /// The token that forms contain.
    pub(crate) fn form_token(&self) -> String {
        self.vault
            .console_form_token(&self.text)
            .unwrap_or_default()
    }

    /// Whether `token` is that of the session's forms.
    pub(crate) fn is_form_token(&self, token: &str) -> bool {
        self.vault.is_console_form_token(&self.text, token)
    }
}

/// The session of `request`.
///
/// # Errors
/// If there is none, it has ended, or its caller may not act in the organization of the path.
pub(crate) async fn of(request: &HttpRequest) -> Result<Session, NoSession> {
    let Some(text) = cookie::session(request) else {
        return Err(NoSession::SignIn(request.clone()));
    };
    let text = Zeroizing::new(text.to_owned());
    let state = AppState::of(request)?;
    let presented = Presented::Session(&text);
    let identify = async || identify(request, &state, &presented).await;
    let authenticated = authenticate_with_limits(request, &state, Some(&presented), identify);
    let (caller, vault) = match authenticated.await {
        Ok(identified) => identified,
        Err(RequestError::Vault(VaultError::Unauthorized)) => {
            return Err(NoSession::SignIn(request.clone()));
        }
        Err(error) => return Err(NoSession::Error(error.into())),
    };
    Ok(Session {
        caller,
        vault,
        state,
        request: request.clone(),
        text,
    })
}

async fn identify(
    request: &HttpRequest,
    state: &AppState,
    presented: &Presented<'_>,
) -> Result<(Caller, Arc<Vault>), VaultError> {
    let vault = state.vault()?.clone();
    let authenticated = vault.authenticate(presented, request_info(request));
    let caller = state.with_deadline(authenticated).await?;
    let Some(org) = request.match_info().get("org_id") else {
        return Ok((caller, vault));
    };
    let org = OrgId::parse(org).ok_or(VaultError::NotFound)?;
    let acting = vault.act_in(&caller, org, false);
    match state.with_deadline(acting).await? {
        Some(acting) => Ok((acting, vault)),
        None => {
            // A session that exceeds its rate limit must not fill the audit trail either.
            if count_request(request, state, &caller).is_ok() {
                vault.refuse(&caller, RefusalReason::OtherOrganization);
            }
            Err(VaultError::NotFound)
        }
    }
}

impl FromRequest for Session {
    type Error = NoSession;
    type Future = LocalBoxFuture<'static, Result<Self, NoSession>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { of(&request).await })
    }
}

impl From<VaultError> for NoSession {
    fn from(error: VaultError) -> Self {
        Self::Error(error.into())
    }
}

impl From<PageError> for NoSession {
    fn from(error: PageError) -> Self {
        Self::Error(error)
    }
}

impl std::fmt::Display for NoSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignIn(_) => f.write_str("not signed in"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

impl ResponseError for NoSession {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Error(error) => error.status(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let request = match self {
            Self::SignIn(request) => request,
            Self::Error(error) => return error.error_response(),
        };
        let path = sign_in_path::for_return(request);
        let mut response = match request.headers().contains_key(HX_REQUEST) {
            true => HttpResponse::NoContent()
                .insert_header((HX_REDIRECT, path))
                .finish(),
            false => HttpResponse::SeeOther()
                .insert_header((LOCATION, path))
                .finish(),
        };
        if cookie::session(request).is_some() {
            cookie::set_session(request, response.headers_mut(), None);
            let flash = Flash::SessionEnded.word();
            cookie::set_flash(request, response.headers_mut(), Some(flash));
        }
        response
    }
}
