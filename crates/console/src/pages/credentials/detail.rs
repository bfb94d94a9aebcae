//! One credential.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join3;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::{AuditFilter, StoredEvent};
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::history::Stage;
use strongroom_domain::permission::Permission;
use strongroom_domain::{Adoption, CredentialId, Reader as LastReader, VaultError, VersionInfo};

use crate::error::PageError;
use crate::event_words;
use crate::layout::{Layout, Part, answer};
use crate::pages::credentials::fields::copied;
use crate::pages::credentials::{Shown, id};
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

/// Events on the page.
const EVENTS: i64 = 20;

#[derive(Template)]
#[template(path = "credentials/detail.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    versions: Vec<Version>,
    readers: Vec<Reader>,
    /// The path of the trail.
    trail: String,
    /// `None` without the permission to read them.
    events: Option<Vec<Occurrence>>,
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

struct Version {
    number: i64,
    is_current: bool,
    stage: &'static str,
    since: Option<Moment>,
    expires: Option<Moment>,
    destroyed: Option<Moment>,
}

struct Reader {
    actor: String,
    at: Moment,
    version: Option<i64>,
    behind: bool,
}

struct Occurrence {
    at: Option<Moment>,
    /// Its path.
    path: String,
    /// What was done, in words.
    action: String,
    outcome: String,
    is_done: bool,
    actor: String,
    reason: Option<String>,
}

/// Shows a credential.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsList).await?;
    let id = id(&session)?;
    let (info, versions, adoption) = read(&session, id).await?;
    let events = events(&session, id).await?;
    let now = session.vault.now();
    let moment = |at| Moment::new(at, now);
    let mut credential = Shown::of(&info, &session);
    if let Some(newest) = newer_read(&info, &adoption) {
        credential.last_used = Some(moment(newest.last_read_at));
        credential.last_used_by = Some(newest.actor.clone());
    }
    let page = Page {
        layout: Layout::new(&session, Part::Credentials, credential.label.clone()).await?,
        credential,
        versions: versions
            .iter()
            .map(|version| Version::of(version, moment))
            .collect(),
        readers: adoption
            .readers
            .into_iter()
            .map(|reader| Reader {
                actor: reader.actor,
                at: moment(reader.last_read_at),
                version: reader.last_value_version,
                behind: reader.behind,
            })
            .collect(),
        trail: paths::audit(session.caller.org()),
        events,
        may: Permitted {
            reveal: session.may(Permission::CredentialsReveal),
            write: session.may(Permission::CredentialsWrite),
            delete: session.may(Permission::CredentialsDelete),
            relay: session.may(Permission::CredentialsWrite)
                || session.may(Permission::CredentialsUse),
        },
        copied: copied(info.provider, info.kind).unwrap_or("the whole secret"),
    };
    answer(&page, &session)
}

// Together: each of them records its read.
async fn read(
    session: &Session,
    id: CredentialId,
) -> Result<(CredentialInfo, Vec<VersionInfo>, Adoption), VaultError> {
    let (vault, caller) = (&session.vault, &session.caller);
    let all = try_join3(
        vault.credential_info(caller, id),
        vault.versions(caller, id),
        vault.adoption(caller, id),
    );
    session.state.with_deadline(all).await
}

// Last-used times are written late and by some reads only; the trail has every read.
fn newer_read<'a>(info: &CredentialInfo, adoption: &'a Adoption) -> Option<&'a LastReader> {
    let newest = adoption.readers.iter();
    let newest = newest.max_by_key(|reader| reader.last_read_at);
    let used = info.last_used.as_ref().map(|last| last.at);
    newest.filter(|reader| used.is_none_or(|used| used < reader.last_read_at))
}

async fn events(session: &Session, id: CredentialId) -> Result<Option<Vec<Occurrence>>, PageError> {
    if !session.may(Permission::AuditRead) {
        return Ok(None);
    }
    let filter = AuditFilter {
        credential: Some(id),
        // Each view of this page adds some.
        without: Some(Action::CredentialList),
        ..AuditFilter::default()
    };
    let listed = session
        .vault
        .list_audit_events(&session.caller, &filter, None, EVENTS);
    let listed = session.state.with_deadline(listed).await?;
    let (trail, now) = (paths::audit(session.caller.org()), session.vault.now());
    let events = listed.items.iter();
    let events = events.map(|event| Occurrence::of(event, &trail, now));
    Ok(Some(events.collect()))
}

impl Version {
    fn of(version: &VersionInfo, moment: impl Fn(DateTime<Utc>) -> Moment) -> Self {
        Self {
            number: version.value_version,
            is_current: version.is_current,
            stage: match version.is_current {
                true => "current",
                false => version.stage.map_or("former", Stage::as_str),
            },
            since: version.staged_at.map(&moment),
            expires: version.expiry.map(|expiry| moment(expiry.at)),
            destroyed: version.destroyed_at.map(&moment),
        }
    }
}

impl Occurrence {
    fn of(event: &StoredEvent, trail: &str, now: DateTime<Utc>) -> Self {
        let details = event.details.as_deref();
        let details = details.and_then(|text| serde_json::from_str(text).ok());
        let details: serde_json::Value = details.unwrap_or_default();
        let action = Action::parse(&event.action).map(event_words::action);
        let outcome = Outcome::parse(&event.outcome);
        let outcome_words = outcome.map(event_words::outcome);
        Self {
            at: event.at.time().map(|at| Moment::new(at, now)),
            path: format!("{trail}/events/{}/{}", event.lane, event.seq),
            action: action.unwrap_or(&event.action).to_owned(),
            outcome: outcome_words.unwrap_or(&event.outcome).to_owned(),
            is_done: outcome == Some(Outcome::Ok),
            actor: event.actor.clone(),
            reason: details["reason"].as_str().map(str::to_owned),
        }
    }
}
