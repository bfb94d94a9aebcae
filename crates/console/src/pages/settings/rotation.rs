//! Rotations of the organization's key.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::rotation::{Rotation, RotationState};

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, answer, see_other};
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;
use crate::times::Moment;

#[derive(Template)]
#[template(path = "settings/rotation.html")]
struct Page {
    layout: Layout,
    path: String,
}

/// A rotation as pages show it.
pub(crate) struct Shown {
    pub(crate) generation: i32,
    pub(crate) re_encrypt: bool,
    pub(crate) is_running: bool,
    pub(crate) done: i64,
    pub(crate) total: i64,
    pub(crate) started: Moment,
    pub(crate) ended: Option<Moment>,
}

impl Shown {
    /// `rotation`, seen at the time `now`.
    pub(crate) fn of(rotation: &Rotation, now: DateTime<Utc>) -> Self {
        let progress = &rotation.progress;
        Self {
            generation: rotation.generation,
            re_encrypt: rotation.re_encrypt,
            is_running: progress.state == RotationState::Running,
            done: progress.rows_done,
            total: progress.rows_total,
            started: Moment::new(progress.started_at, now),
            ended: progress.finished_at.map(|at| Moment::new(at, now)),
        }
    }
}

/// Asks before a rotation.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let page = Page {
        layout: Layout::new(&session, Part::Settings, "Rotate the key").await?,
        path: paths::settings(session.caller.org()),
    };
    answer(&page, &session)
}

/// Starts one.
pub(crate) async fn start(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let re_encrypt = posted.form().take("re_encrypt")?.is_some();
    let (vault, caller) = (&session.vault, &session.caller);
    let start = vault.begin_rotation(caller, re_encrypt, Level::LocalRegion);
    session.write(start).await?;
    let path = paths::settings(session.caller.org());
    Ok(see_other(&path, Some(Flash::RotationStarted)))
}
