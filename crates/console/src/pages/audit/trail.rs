//! The events of the trail.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::{AuditPage, StoredEvent};
use strongroom_domain::permission::Permission;

use crate::error::PageError;
use crate::event_words;
use crate::layout::{Layout, Part, answer, html};
use crate::listing::short;
use crate::pages::audit::filter::{Filter, position_text};
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

/// Events on a page.
const PAGE: i64 = 40;

#[derive(Template)]
#[template(path = "audit/trail.html")]
struct Page {
    layout: Layout,
    /// The path of the trail.
    path: String,
    filter: Filter,
    items: Vec<Item>,
    /// The paths of the next page, and of the first, if this is another one.
    next: Option<String>,
    first: Option<String>,
}

/// An event as a list shows it.
struct Item {
    at: Option<Moment>,
    /// What was done, in words.
    action: String,
    outcome: String,
    is_done: bool,
    actor: String,
    credential: Option<String>,
    key: Option<String>,
    source: String,
    reason: Option<String>,
    /// Its path.
    path: String,
}

/// Shows the events that the query selects.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let filter = Filter::parse(session.request.query_string())?;
    let listed = match filter.has_errors() {
        true => AuditPage {
            items: Vec::new(),
            next: None,
        },
        false => {
            let (caller, after) = (&session.caller, filter.after);
            let listed = session
                .vault
                .list_audit_events(caller, &filter.selected, after, PAGE);
            session.state.with_deadline(listed).await?
        }
    };
    let path = paths::audit(session.caller.org());
    let now = session.vault.now();
    let of_page = |query: String| format!("{path}?{}{query}", filter.query());
    let next = listed.next.map(position_text);
    let page = Page {
        layout: Layout::new(&session, Part::Audit, "Audit").await?,
        items: listed
            .items
            .iter()
            .map(|event| Item::of(event, &path, now))
            .collect(),
        next: next.map(|next| of_page(format!("after={next}"))),
        first: filter.after.map(|_| of_page(String::new())),
        path: path.clone(),
        filter,
    };
    match page.filter.has_errors() {
        true => html(&page, StatusCode::UNPROCESSABLE_ENTITY),
        false => answer(&page, &session),
    }
}

impl Page {
    fn in_words(outcome: &Outcome) -> &'static str {
        event_words::outcome(*outcome)
    }

    fn action_in_words(action: &Action) -> &'static str {
        event_words::action(*action)
    }
}

impl Item {
    fn of(event: &StoredEvent, path: &str, now: DateTime<Utc>) -> Self {
        let details = event.details.as_deref();
        let details = details.and_then(|text| serde_json::from_str(text).ok());
        let details: serde_json::Value = details.unwrap_or_default();
        let action = Action::parse(&event.action).map(event_words::action);
        let outcome = Outcome::parse(&event.outcome);
        Self {
            at: event.at.time().map(|at| Moment::new(at, now)),
            action: action.unwrap_or(&event.action).to_owned(),
            outcome: match outcome {
                Some(outcome) => event_words::outcome(outcome).to_owned(),
                None => event.outcome.clone(),
            },
            is_done: outcome == Some(Outcome::Ok),
            actor: event.actor.clone(),
            credential: event.credential_id.map(|id| id.to_string()),
            key: event.key_id.map(|id| id.to_string()),
            source: event.source.clone(),
            reason: details["reason"].as_str().map(short),
            path: format!("{path}/events/{}/{}", event.lane, event.seq),
        }
    }
}
