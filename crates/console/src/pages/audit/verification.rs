//! A verification of the trail.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, TimeDelta};
use strongroom_domain::AuditFinding;
use strongroom_domain::permission::Permission;
use strongroom_web::query::{Params, whole_number};

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, answer, see_other};
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;
use crate::times::Moment;
use crate::verifications::{self, End, Run, Slot, TIME_LIMIT};

/// How often the script asks for the state. Each time renews the session, so it ends.
const POLLS: i64 = 150;
/// How far the clock of another server, where a verification began, may be ahead.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(1);
/// Findings on the page.
const FINDINGS: usize = 50;

#[derive(Template)]
#[template(path = "audit/verification.html")]
struct Page {
    layout: Layout,
    /// The path of the trail.
    path: String,
    /// That of this page.
    own_path: String,
    started: Moment,
    state: State,
    /// How often the script asks again; 0 to stop.
    polls: i64,
}

enum State {
    /// This number of pages is verified.
    Running(u64),
    Intact(Ended),
    Found(Ended),
    Failed,
    TimedOut,
    /// It is not on this server.
    Elsewhere,
}

struct Ended {
    at: Moment,
    events: u64,
    lanes: u64,
    found: u64,
    findings: Vec<Finding>,
    acknowledged: Vec<String>,
}

struct Finding {
    text: String,
    /// The path of the event, if there is one.
    path: Option<String>,
}

/// Begins one, or leads to the one that is running or has just ended.
pub(crate) async fn begin(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::AuditRead).await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let (run, flash) = match verifications::slot(caller, vault.now()) {
        Slot::Busy => return Err(PageError::too_many_verifications()),
        Slot::Running(run) => (run, None),
        Slot::Recent(run) => (run, Some(Flash::VerifiedRecently)),
        Slot::Free(reserved) => {
            let recorded = vault.record_audit_verification(caller);
            session.state.write_with_deadline(recorded).await?;
            (reserved.begin(vault.clone(), caller.clone()), None)
        }
    };
    let path = paths::audit(caller.org());
    let started = run.started_at.timestamp_micros();
    Ok(see_other(&format!("{path}/verifications/{started}"), flash))
}

/// Shows its progress and its result.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let mut params = Params::parse(session.request.query_string());
    let polls = params.read("polls", whole_number, || "a whole number".to_owned());
    params.finish()?;
    let started = session.request.match_info().get("started");
    let started = started.and_then(whole_number);
    let started = started.and_then(DateTime::from_timestamp_micros);
    let (org, now) = (session.caller.org(), session.vault.now());
    let started = started.filter(|started| *started <= now + MAX_SKEW);
    let started = started.ok_or_else(PageError::unknown_path)?;
    let limit = TimeDelta::from_std(TIME_LIMIT).unwrap_or_default();
    let path = paths::audit(org);
    let run = verifications::last(org).filter(|run| run.started_at == started);
    let state = run.map_or(State::Elsewhere, |run| State::of(&run, &path, now));
    let polls = match state {
        State::Running(_) => polls.unwrap_or(POLLS),
        State::Elsewhere if now - started < limit => polls.unwrap_or(POLLS),
        _ => 0,
    };
    let page = Page {
        layout: Layout::new(&session, Part::Audit, "Verification of the trail").await?,
        own_path: format!("{path}/verifications/{}", started.timestamp_micros()),
        path,
        started: Moment::new(started, now),
        state,
        polls: polls.clamp(0, POLLS),
    };
    answer(&page, &session)
}

impl State {
    fn of(run: &Run, path: &str, now: DateTime<chrono::Utc>) -> Self {
        let (at, report) = match run.end() {
            None => return Self::Running(run.pages()),
            Some(End::Failed) => return Self::Failed,
            Some(End::TimedOut(_)) => return Self::TimedOut,
            Some(End::Done(at, report)) => (at, report),
        };
        let findings = report.findings.iter().take(FINDINGS);
        let acknowledged = report.acknowledged.iter().take(FINDINGS);
        let ended = Ended {
            at: Moment::new(at, now),
            events: report.events,
            lanes: report.lanes,
            found: report.found,
            findings: findings.map(|finding| Finding::of(finding, path)).collect(),
            acknowledged: acknowledged
                .map(|loss| {
                    format!(
                        "Lane {}, up to event {}: {}",
                        loss.lane, loss.seq, loss.reason
                    )
                })
                .collect(),
        };
        match report.found {
            0 => Self::Intact(ended),
            _ => Self::Found(ended),
        }
    }
}

impl Finding {
    fn of(finding: &AuditFinding, path: &str) -> Self {
        let AuditFinding {
            lane, seq, what, ..
        } = finding;
        let is_there = !finding.is_loss() && finding.kind != "checkpoint";
        Self {
            text: format!("Event {seq} of lane {lane} {what}"),
            path: is_there.then(|| format!("{path}/events/{lane}/{seq}")),
        }
    }
}
