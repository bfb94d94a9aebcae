//! The end of sessions.

use actix_web::HttpResponse;
use strongroom_domain::KeyId;
use strongroom_domain::caller::Actor;

use crate::cookie;
use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::see_other;
use crate::paths::SIGN_IN;
use crate::posted::Posted;
use crate::session::Session;

/// Ends the caller's session.
pub(crate) async fn sign_out(posted: Posted) -> Result<HttpResponse, PageError> {
    let Session {
        caller,
        vault,
        state,
        ..
    } = &posted.session;
    let ended = vault.end_console_session(caller);
    state.write_with_deadline(ended).await?;
    Ok(signed_out(&posted, Flash::SignedOut))
}

/// Ends all sessions of the caller's key.
pub(crate) async fn close_sessions(posted: Posted) -> Result<HttpResponse, PageError> {
    let Session {
        caller,
        vault,
        state,
        ..
    } = &posted.session;
    let ended = vault.end_own_console_sessions(caller);
    state.write_with_deadline(ended).await?;
    Ok(signed_out(&posted, Flash::SessionsClosed))
}

/// Ends all sessions of `holder`, a key or client of the organization in which the caller acts, and
/// leads to the list of these.
pub(crate) async fn close_sessions_of(
    posted: &Posted,
    holder: KeyId,
    list: &str,
) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    let closed = session.vault.end_console_sessions(&session.caller, holder);
    session.state.write_with_deadline(closed).await?;
    match session.caller.actor() {
        Actor::Key(own) | Actor::Client(own) if own == holder => {
            Ok(signed_out(posted, Flash::SessionsClosed))
        }
        _ => Ok(see_other(list, Some(Flash::OthersClosed))),
    }
}

/// Leads to the form for signing in, which says what happened.
pub(crate) fn signed_out(posted: &Posted, flash: Flash) -> HttpResponse {
    let mut response = see_other(SIGN_IN, Some(flash));
    cookie::set_session(&posted.session.request, response.headers_mut(), None);
    response
}
