//! The overview of an organization.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use futures_util::future::try_join4;
use strongroom_domain::actor_names::actor_id;
use strongroom_domain::caller::Actor;
use strongroom_domain::credential_order::CredentialOrder;
use strongroom_domain::oauth::client::client_id;
use strongroom_domain::overview::{CredentialCounts, Integrity, UNUSED_AFTER};
use strongroom_domain::permission::Permission;

use crate::actors::{Actor as Named, Actors};
use crate::chart::Chart;
use crate::checks::Check;
use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::pages::settings::rotation::Shown;
use crate::regions::Region;
use crate::session::Session;
use crate::times::Moment;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    layout: Layout,
    org_id: String,
    created: Moment,
    /// `None` for a caller that does not list credentials.
    glance: Option<Glance>,
    /// `None` for a caller that does not read the audit trail.
    use_per_day: Option<PerDay>,
    /// What the session was begun with: its kind, and itself.
    holder: (&'static str, Named),
    expires: Option<Moment>,
    permissions: Vec<Permission>,
    has_reach: bool,
}

struct Glance {
    credentials: CredentialCounts,
    integrity: Option<Checks>,
    rotations: Option<Vec<Shown>>,
    regions: Vec<Region>,
}

struct Checks {
    credentials: Check,
    trails: Check,
    newest_root: Option<Moment>,
}

struct PerDay {
    chart: Chart,
    counted: Option<Moment>,
}

/// Shows the organization, and the key of the caller.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    let caller = &session.caller;
    let (kind, id) = match caller.actor() {
        Actor::Key(id) => ("API key", id.to_string()),
        Actor::Client(id) => ("OAuth 2.0 client", client_id(caller.home(), id)),
        Actor::Anonymous | Actor::Operator => return Err(PageError::unknown_path()),
    };
    let (layout, glance, use_per_day, actors) = try_join4(
        Layout::new(&session, Part::Overview, "Overview"),
        glance(&session),
        use_per_day(&session),
        Actors::named(&session, actor_id(&id)),
    )
    .await?;
    let now = session.vault.now();
    let page = Page {
        org_id: caller.org().to_string(),
        created: Moment::new(layout.created_at, now),
        glance,
        use_per_day,
        holder: (kind, actors.actor(&id)),
        expires: caller.expires_at().map(|at| Moment::new(at, now)),
        permissions: caller.limits().permissions.iter().collect(),
        has_reach: caller.reach().is_some(),
        layout,
    };
    answer(&page, &session)
}

async fn glance(session: &Session) -> Result<Option<Glance>, PageError> {
    if !session.may(Permission::CredentialsList) {
        return Ok(None);
    }
    let overview = session.vault.overview(&session.caller);
    let overview = session.state.with_deadline(overview).await?;
    let now = overview.at;
    let rotations = overview.rotations.map(|rotations| {
        let shown = rotations.iter().map(|one| Shown::of(one, now));
        shown.collect()
    });
    Ok(Some(Glance {
        credentials: overview.credentials,
        integrity: overview.integrity.map(|checks| Checks::of(&checks, now)),
        rotations,
        regions: overview.regions.iter().map(Region::of).collect(),
    }))
}

async fn use_per_day(session: &Session) -> Result<Option<PerDay>, PageError> {
    if !session.may(Permission::AuditRead) {
        return Ok(None);
    }
    let totals = session.vault.daily_totals(&session.caller);
    let totals = session.state.with_deadline(totals).await?;
    let now = session.vault.now();
    Ok(Some(PerDay {
        chart: Chart::of(&totals.days),
        counted: totals.counted_at.map(|at| Moment::new(at, now)),
    }))
}

impl Checks {
    fn of(integrity: &Integrity, now: DateTime<Utc>) -> Self {
        Self {
            credentials: Check::of(integrity.credentials, now),
            trails: Check::of(integrity.trails, now),
            newest_root: integrity.newest_root_at.map(|at| Moment::new(at, now)),
        }
    }
}
