//! The state of the installation.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use strongroom_domain::health::condition::ActiveCondition;
use strongroom_domain::health::status::{PoolStatus, QueueStatus};
use strongroom_domain::overview::LastCheck;
use strongroom_domain::permission::Permission;
use strongroom_domain::rotation::{RootRotation, RunningServer};

use crate::checks::Check;
use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::regions::Region;
use crate::session::Session;
use crate::times::Moment;

/// The days before the end of a certificate in which the page warns.
const CERTIFICATE_WARNING: i64 = 14;

#[derive(Template)]
#[template(path = "system.html")]
struct Page {
    layout: Layout,
    conditions: Vec<Condition>,
    servers: Vec<Server>,
    version: &'static str,
    record_format: i32,
    certificate: Option<Moment>,
    certificate_ends_soon: bool,
    queues: Vec<QueueStatus>,
    pools: Vec<PoolStatus>,
    regions: Vec<Region>,
    rotations: usize,
    root_rotations: Vec<RootKeyRotation>,
    checks: [(&'static str, Check); 2],
    newest_root: Option<Moment>,
}

struct Condition {
    name: &'static str,
    message: &'static str,
    of: &'static str,
    since: Moment,
    occurrences: u64,
}

struct Server {
    name: String,
    started: Moment,
    seen: Moment,
    root_keys: usize,
    record_format: i32,
}

struct RootKeyRotation {
    key: String,
    done: i64,
    total: i64,
    started: Moment,
}

/// Shows it to those who may see it. For others there is no such page.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    let permitted = session.authorize(Permission::SystemRead).await;
    permitted.map_err(|error| match error.status() {
        StatusCode::FORBIDDEN => PageError::unknown_path(),
        _ => error,
    })?;
    let status = session.vault.system_status(&session.caller);
    let status = session.state.with_deadline(status).await?;
    let now = status.at;
    let moment = |at| Moment::new(at, now);
    let own = status.this_server;
    let ends = own.certificate_expires_at;
    let check = |check: LastCheck| Check::of(check, now);
    let page = Page {
        layout: Layout::new(&session, Part::System, "System").await?,
        conditions: own
            .conditions
            .iter()
            .map(|one| Condition::of(one, now))
            .collect(),
        servers: status
            .servers
            .iter()
            .map(|one| Server::of(one, now))
            .collect(),
        version: own.version,
        record_format: status.record_format,
        certificate: ends.map(moment),
        certificate_ends_soon: ends
            .is_some_and(|ends| ends < now + TimeDelta::days(CERTIFICATE_WARNING)),
        queues: own.store.queues,
        pools: own.store.pools,
        regions: status.regions.iter().map(Region::of).collect(),
        rotations: status.rotations,
        root_rotations: status
            .root_rotations
            .iter()
            .map(|one| RootKeyRotation::of(one, now))
            .collect(),
        checks: [
            ("Credentials", check(status.scrub.of_credentials())),
            ("Audit trails", check(status.scrub.of_trails())),
        ],
        newest_root: status.newest_root_at.map(moment),
    };
    answer(&page, &session)
}

impl Condition {
    fn of(one: &ActiveCondition, now: DateTime<Utc>) -> Self {
        let duration = TimeDelta::from_std(one.duration).unwrap_or_default();
        Self {
            name: one.condition.name(),
            message: one.condition.message(),
            of: one.of,
            since: Moment::new(now - duration, now),
            occurrences: one.occurrences,
        }
    }
}

impl Server {
    fn of(server: &RunningServer, now: DateTime<Utc>) -> Self {
        Self {
            name: server.name.clone(),
            started: Moment::new(server.started_at, now),
            seen: Moment::new(server.seen_at, now),
            root_keys: server.root_keys.len(),
            record_format: server.record_format,
        }
    }
}

impl RootKeyRotation {
    fn of(rotation: &RootRotation, now: DateTime<Utc>) -> Self {
        Self {
            key: rotation.root_key.to_string(),
            done: rotation.progress.rows_done,
            total: rotation.progress.rows_total,
            started: Moment::new(rotation.progress.started_at, now),
        }
    }
}
