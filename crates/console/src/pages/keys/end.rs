//! The end of a key.

use actix_web::HttpResponse;
use askama::Template;
use chrono::TimeDelta;
use strongroom_domain::KeyId;
use strongroom_domain::caller::Actor;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::keys::form::{OVERLAPS, overlap};
use crate::pages::keys::{list_path, one};
use crate::pages::sign_out::close_sessions_of;
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "keys/end.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    name: String,
    /// Whether it is that of the session.
    is_own: bool,
    errors: FormErrors,
}

/// Asks when the key ends.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    page(&session, FormErrors::default()).await
}

/// Ends the key, at once or after an overlap.
pub(crate) async fn end(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let key = one(session, id(session)).await?;
    let when = posted.form().take("when")?;
    let Some(overlap) = when.as_deref().and_then(when_of) else {
        let mut errors = FormErrors::default();
        errors.add("when", "choose when the key ends");
        return page(session, errors).await;
    };
    let (vault, caller, level) = (&session.vault, &session.caller, Level::default());
    let flash = match overlap {
        Some(overlap) => {
            let scheduled = vault.schedule_key_end(caller, key.id, overlap, level);
            session.write(scheduled).await?;
            Flash::KeyEnds
        }
        None => {
            let revoked = vault.revoke_api_key(caller, key.id, level);
            session.write(revoked).await?;
            Flash::KeyRevoked
        }
    };
    Ok(see_other(&list_path(session), Some(flash)))
}

/// Ends the sessions of the key.
pub(crate) async fn close_sessions(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let key = one(session, id(session)).await?;
    close_sessions_of(&posted, key.id, &list_path(session)).await
}

/// The overlap that a value of the field means; `Some(None)` for none.
fn when_of(text: &str) -> Option<Option<TimeDelta>> {
    match text {
        "now" => Some(None),
        text => overlap(text).map(Some),
    }
}

async fn page(session: &Session, errors: FormErrors) -> Result<HttpResponse, PageError> {
    let key = one(session, id(session)).await?;
    if key.revoked_at.is_some() {
        return Err(PageError::unknown_path());
    }
    let status = errors.status();
    let page = Page {
        layout: Layout::new(session, Part::Keys, "End a key").await?,
        list: list_path(session),
        id: key.id.to_string(),
        is_own: session.caller.actor() == Actor::Key(key.id),
        name: key.name,
        errors,
    };
    html(&page, status)
}

fn id(session: &Session) -> Option<KeyId> {
    KeyId::parse(session.request.match_info().get("key_id")?)
}
