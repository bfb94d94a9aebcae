//! The sessions that are open, and the end of one.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use strongroom_domain::caller::Actor;
use strongroom_domain::oauth::client::client_id;
use strongroom_domain::permission::Permission;
use strongroom_domain::{ConsoleSession, KeyId, SessionState};

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, answer, see_other};
use crate::listing::{List, html_len, short};
use crate::pages::sign_out::signed_out;
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;
use crate::times::Moment;

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page {
    layout: Layout,
    list: List<Row>,
    /// Whether more are open than are listed.
    is_cut: bool,
    /// Whether the sessions of all keys and clients are shown.
    shows_all: bool,
}

struct Row {
    id: String,
    /// What it was begun with: its kind, its name and its id.
    kind: &'static str,
    name: String,
    holder: String,
    began: Moment,
    seen: Moment,
    source: Option<String>,
    state: &'static str,
    is_bad: bool,
    is_own: bool,
}

/// Shows the sessions, that with the newest request first.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    let sessions = session.vault.console_sessions(&session.caller);
    let sessions = session.state.with_deadline(sessions).await?;
    let now = session.vault.now();
    let rows = sessions.items.iter();
    let rows = rows.map(|one| row(&session, one, now)).collect();
    let weight = |row: &Row| html_len(&row.name);
    let path = paths::sessions(session.caller.org());
    let query = session.request.query_string();
    let page = Page {
        layout: Layout::new(&session, Part::Sessions, "Sessions of the console").await?,
        list: List::page(rows, weight, query, (path, "")),
        is_cut: sessions.is_cut,
        shows_all: session.may(Permission::KeysManage),
    };
    answer(&page, &session)
}

/// Ends one of them.
pub(crate) async fn end(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    let id = session.request.match_info().get("session_id");
    let id = id.and_then(KeyId::parse);
    let id = id.ok_or_else(PageError::unknown_path)?;
    let ended = session.vault.end_one_console_session(&session.caller, id);
    session.state.write_with_deadline(ended).await?;
    if session.caller.session() == Some(id) {
        return Ok(signed_out(&posted, Flash::SignedOut));
    }
    let list = paths::sessions(session.caller.org());
    Ok(see_other(&list, Some(Flash::OneClosed)))
}

fn row(session: &Session, one: &ConsoleSession, now: DateTime<Utc>) -> Row {
    let (kind, holder) = match one.holder {
        Actor::Client(id) => ("OAuth 2.0 client", client_id(session.caller.org(), id)),
        Actor::Key(id) => ("API key", id.to_string()),
        Actor::Anonymous | Actor::Operator => ("", String::new()),
    };
    Row {
        id: one.id.to_string(),
        kind,
        name: short(one.holder_name.as_deref().unwrap_or("(no name)")),
        holder,
        began: Moment::new(one.created_at, now),
        seen: Moment::new(one.last_seen_at, now),
        source: one.source.clone(),
        state: match one.state {
            SessionState::Open => "signed in",
            SessionState::HolderEnded => "cannot be used: its key or client has ended",
            SessionState::Unproved => "cannot be used: the audit trail does not prove it",
        },
        is_bad: one.state == SessionState::Unproved,
        is_own: one.is_own,
    }
}
