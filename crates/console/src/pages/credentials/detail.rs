//! One credential.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join3;
use strongroom_domain::audit::stored::{AuditFilter, StoredEvent};
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::history::Stage;
use strongroom_domain::permission::Permission;
use strongroom_domain::{Adoption, CredentialId, VaultError, VersionInfo};

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::pages::credentials::fields::copied;
use crate::pages::credentials::{Shown, id};
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
    action: String,
    outcome: String,
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
    let credential = Shown::of(&info, &session);
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

async fn events(session: &Session, id: CredentialId) -> Result<Option<Vec<Occurrence>>, PageError> {
    if !session.may(Permission::AuditRead) {
        return Ok(None);
    }
    let filter = AuditFilter {
        credential: Some(id),
        ..AuditFilter::default()
    };
    let listed = session
        .vault
        .list_audit_events(&session.caller, &filter, None, EVENTS);
    let listed = session.state.with_deadline(listed).await?;
    let now = session.vault.now();
    let events = listed.items.iter();
    Ok(Some(
        events.map(|event| Occurrence::of(event, now)).collect(),
    ))
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
    fn of(event: &StoredEvent, now: DateTime<Utc>) -> Self {
        let details = event.details.as_deref();
        let details = details.and_then(|text| serde_json::from_str(text).ok());
        let details: serde_json::Value = details.unwrap_or_default();
        Self {
            at: event.at.time().map(|at| Moment::new(at, now)),
            action: event.action.clone(),
            outcome: event.outcome.clone(),
            actor: event.actor.clone(),
            reason: details["reason"].as_str().map(str::to_owned),
        }
    }
}
