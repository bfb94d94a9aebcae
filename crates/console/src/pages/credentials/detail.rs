//! One credential.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join3;
use strongroom_domain::audit::event::Action;
use strongroom_domain::audit::stored::{AuditFilter, AuditPage};
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::permission::Permission;
use strongroom_domain::{Adoption, CredentialId, CredentialView, KeyId, Reader as LastReader};

use crate::actors::{self, Actor, Actors};
use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::fitting;
use crate::pages::credentials::detail_rows::{Occurrence, Reader, Version};
use crate::pages::credentials::fields::copied;
use crate::pages::credentials::{Shown, id};
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

/// Events on the page.
const EVENTS: i64 = 20;
/// Bytes of the texts of events on the page.
const EVENT_TEXT: usize = 12 << 10;
/// Readers on the page.
const READERS: usize = 10;

#[derive(Template)]
#[template(path = "credentials/detail.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    last_used_by: Option<Actor>,
    versions: Vec<Version>,
    /// Some readers, those with an old value first.
    readers: Vec<Reader>,
    all_readers: usize,
    /// How many of all readers have an old value.
    behind: usize,
    /// The path of the trail.
    trail: String,
    /// `None` without the permission to read them.
    events: Option<Vec<Occurrence>>,
    /// To which time they were searched, if others precede it.
    searched_to: Option<Moment>,
    may: Permitted,
    /// What the button copies.
    copied: &'static str,
}

struct Permitted {
    reveal: bool,
    write: bool,
    delete: bool,
    relay: bool,
}

/// Shows a credential.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsList).await?;
    let id = id(&session)?;
    // Together, so that the events which record the reads commit together.
    let (mut layout, view, listed) = try_join3(
        Layout::new(&session, Part::Credentials, String::new()),
        view(&session, id),
        events(&session, id),
    )
    .await?;
    let actors = Actors::named(&session, actor_ids(&view, listed.as_ref())).await?;
    let CredentialView {
        info,
        versions,
        adoption,
    } = view;
    let now = session.vault.now();
    let mut credential = Shown::of(&info, &session);
    let last_used_by = match newer_read(&info, &adoption) {
        Some(newest) => {
            credential.last_used = Some(Moment::new(newest.last_read_at, now));
            Some(actors.actor(&newest.actor))
        }
        None => user(&info).map(|by| actors.key(by)),
    };
    layout.title.clone_from(&credential.label);
    let trail = paths::audit(session.caller.org());
    let readers = &adoption.readers;
    let searched_to = listed
        .as_ref()
        .and_then(|listed| listed.searched_to?.time());
    let page = Page {
        layout,
        credential,
        last_used_by,
        versions: versions.iter().map(|one| Version::of(one, now)).collect(),
        all_readers: readers.len(),
        behind: readers.iter().filter(|one| one.behind).count(),
        readers: first_readers(readers)
            .map(|one| Reader::of(one, &actors, now))
            .collect(),
        searched_to: searched_to.map(|at| Moment::new(at, now)),
        events: listed.map(|page| events_of(&page, (&actors, &trail), now)),
        trail,
        may: Permitted::of(&session),
        copied: copied(info.provider, info.kind).unwrap_or("the whole secret"),
    };
    answer(&page, &session)
}

fn user(info: &CredentialInfo) -> Option<KeyId> {
    info.last_used.as_ref().and_then(|last| last.by)
}

fn first_readers(readers: &[LastReader]) -> impl Iterator<Item = &LastReader> {
    readers.iter().take(READERS)
}

fn events_of(page: &AuditPage, shown: (&Actors, &str), now: DateTime<Utc>) -> Vec<Occurrence> {
    let events = page.items.iter();
    let mut events: Vec<_> = events
        .map(|event| Occurrence::of(event, shown, now))
        .collect();
    events.truncate(fitting(&events, Occurrence::weight, EVENT_TEXT));
    events
}

async fn view(session: &Session, id: CredentialId) -> Result<CredentialView, PageError> {
    let view = session.vault.view_credential(&session.caller, id);
    Ok(session.state.with_deadline(view).await?)
}

/// The keys and clients that the page names.
fn actor_ids(view: &CredentialView, listed: Option<&AuditPage>) -> Vec<KeyId> {
    let readers = first_readers(&view.adoption.readers);
    let readers = readers.map(|reader| reader.actor.as_str());
    let newest = newer_read(&view.info, &view.adoption);
    let newest = newest.map(|reader| reader.actor.as_str());
    let events = listed.into_iter().flat_map(|listed| &listed.items);
    let events = events.map(|event| event.actor.as_str());
    let mut ids = actors::ids(readers.chain(newest).chain(events));
    ids.extend(user(&view.info));
    ids
}

// Last-used times are written late and by some reads only; the trail has every read.
fn newer_read<'a>(info: &CredentialInfo, adoption: &'a Adoption) -> Option<&'a LastReader> {
    let newest = adoption.readers.iter();
    let newest = newest.max_by_key(|reader| reader.last_read_at);
    let used = info.last_used.as_ref().map(|last| last.at);
    newest.filter(|reader| used.is_none_or(|used| used < reader.last_read_at))
}

async fn events(session: &Session, id: CredentialId) -> Result<Option<AuditPage>, PageError> {
    if !session.may(Permission::AuditRead) {
        return Ok(None);
    }
    let filter = AuditFilter {
        credential: Some(id),
        // Each view of this page adds one.
        without: Some(Action::CredentialList),
        ..AuditFilter::default()
    };
    let listed = session
        .vault
        .search_audit_events(&session.caller, &filter, None, EVENTS);
    Ok(Some(session.state.with_deadline(listed).await?))
}

impl Permitted {
    fn of(session: &Session) -> Self {
        let may = |permission| session.may(permission);
        Self {
            reveal: may(Permission::CredentialsReveal),
            write: may(Permission::CredentialsWrite),
            delete: may(Permission::CredentialsDelete),
            relay: may(Permission::CredentialsWrite) || may(Permission::CredentialsUse),
        }
    }
}
