//! The events of the trail.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join;
use strongroom_domain::KeyId;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::{AuditPage, StoredEvent, StoredTime};
use strongroom_domain::permission::Permission;

use crate::actors::{self, Actor, Actors};
use crate::error::PageError;
use crate::event_words;
use crate::layout::{Layout, Part, answer, html};
use crate::listing::{TEXT, fitting, html_len, short};
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
    /// The name of the key or client that the filter names.
    actor_name: Option<String>,
    items: Vec<Item>,
    /// The paths of the next page, and of the first, if this is another one.
    next: Option<String>,
    first: Option<String>,
    /// To which time the search went, if other events precede it.
    searched_to: Option<Moment>,
}

/// An event as a list shows it.
struct Item {
    at: Option<Moment>,
    /// What was done, in words.
    action: String,
    outcome: String,
    is_done: bool,
    actor: Actor,
    credential: Option<String>,
    key: Option<Actor>,
    source: String,
    reason: Option<String>,
    /// Its path.
    path: String,
}

/// Shows the events that the query selects.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let filter = Filter::parse(session.request.query_string())?;
    let layout = Layout::new(&session, Part::Audit, "Audit");
    let (layout, listed) = try_join(layout, listed(&session, &filter)).await?;
    let actors = Actors::named(&session, actor_ids(&filter, &listed.items)).await?;
    let path = paths::audit(session.caller.org());
    let now = session.vault.now();
    let of_page = |query: String| format!("{path}?{}{query}", filter.query());
    let of = |event| Item::of(event, (&actors, &path), now);
    let mut items: Vec<_> = listed.items.iter().map(of).collect();
    let shown = fitting(&items, Item::weight, TEXT);
    let next = match listed.items.get(shown - 1) {
        Some(last) if shown < items.len() => Some(last.position()),
        _ => listed.next,
    };
    let searched_to = listed.searched_to.filter(|_| shown >= items.len());
    let searched_to = searched_to.and_then(StoredTime::time);
    items.truncate(shown);
    let actor = filter.selected.actor.as_deref();
    let page = Page {
        layout,
        actor_name: actor.and_then(|actor| actors.actor(actor).name),
        items,
        next: next.map(|next| of_page(format!("after={}", position_text(next)))),
        searched_to: searched_to.map(|at| Moment::new(at, now)),
        first: filter.after.map(|_| of_page(String::new())),
        path: path.clone(),
        filter,
    };
    match page.filter.has_errors() {
        true => html(&page, StatusCode::UNPROCESSABLE_ENTITY),
        false => answer(&page, &session),
    }
}

async fn listed(session: &Session, filter: &Filter) -> Result<AuditPage, PageError> {
    if filter.has_errors() {
        return Ok(AuditPage {
            items: Vec::new(),
            next: None,
            searched_to: None,
        });
    }
    let (caller, after) = (&session.caller, filter.after);
    let listed = session
        .vault
        .search_audit_events(caller, &filter.selected, after, PAGE);
    Ok(session.state.with_deadline(listed).await?)
}

/// The keys and clients that the page names.
fn actor_ids(filter: &Filter, events: &[StoredEvent]) -> Vec<KeyId> {
    let selected = filter.selected.actor.as_deref();
    let actors = events.iter().map(|event| event.actor.as_str());
    let mut ids = actors::ids(selected.into_iter().chain(actors));
    ids.extend(events.iter().filter_map(|event| event.key_id));
    ids
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
    fn of(event: &StoredEvent, (actors, path): (&Actors, &str), now: DateTime<Utc>) -> Self {
        let action = Action::parse(&event.action).map(event_words::action);
        let outcome = Outcome::parse(&event.outcome);
        let outcome_words = outcome.map(event_words::outcome);
        Self {
            at: event.at.time().map(|at| Moment::new(at, now)),
            action: short(action.unwrap_or(&event.action)),
            outcome: short(outcome_words.unwrap_or(&event.outcome)),
            is_done: outcome == Some(Outcome::Ok),
            actor: actors.actor(&event.actor),
            credential: event.credential_id.map(|id| id.to_string()),
            key: event.key_id.map(|id| actors.key(id)),
            source: short(&event.source),
            reason: event_words::reason(event).as_deref().map(short),
            path: format!("{path}/events/{}/{}", event.lane, event.seq),
        }
    }

    /// The bytes of its texts.
    fn weight(&self) -> usize {
        let texts = [&self.action, &self.outcome, &self.source];
        let texts = texts.into_iter().chain(&self.reason);
        let actors = [Some(&self.actor), self.key.as_ref()];
        let actors = actors.into_iter().flatten().map(Actor::weight);
        texts.map(|text| html_len(text)).chain(actors).sum()
    }
}
