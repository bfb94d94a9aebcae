//! One event, and its proof.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::heads::decode_heads;
use strongroom_domain::audit::proof::{EventProof, Predecessor, Verdict};
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::permission::Permission;
use strongroom_domain::{LaneId, VaultError};

use crate::error::PageError;
use crate::event_words;
use crate::layout::{Layout, Part, answer};
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

#[derive(Template)]
#[template(path = "audit/event.html")]
struct Page {
    layout: Layout,
    /// The path of the trail.
    path: String,
    lane: String,
    seq: i64,
    /// One, unless events were inserted.
    events: Vec<Shown>,
}

/// An event with all its members.
struct Shown {
    at: Option<Moment>,
    /// Its time as it is proven.
    exactly: String,
    action: String,
    in_words: Option<&'static str>,
    outcome: String,
    outcome_in_words: Option<&'static str>,
    /// What is shown as it is: names and values.
    members: Vec<(&'static str, String)>,
    credential: Option<String>,
    details: Option<String>,
    verdict: Verdict,
    predecessor: Predecessor,
    previous: String,
    own: String,
    proof_key: Option<i32>,
    row: Option<String>,
    heads: Vec<(String, i64)>,
}

/// Shows an event.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let part = |name: &str| session.request.match_info().get(name);
    let lane = part("lane").and_then(LaneId::parse);
    let seq = part("seq").and_then(|seq| seq.parse::<i64>().ok());
    let (lane, seq) = lane.zip(seq).ok_or_else(PageError::unknown_path)?;
    let proofs = session.vault.audit_event(&session.caller, lane, seq);
    let proofs = match session.state.with_deadline(proofs).await {
        Err(VaultError::NotFound) => return Err(PageError::unknown_path()),
        proofs => proofs?,
    };
    let now = session.vault.now();
    let page = Page {
        layout: Layout::new(&session, Part::Audit, format!("Event {seq}")).await?,
        path: paths::audit(session.caller.org()),
        lane: lane.to_string(),
        seq,
        events: proofs.iter().map(|proof| Shown::of(proof, now)).collect(),
    };
    answer(&page, &session)
}

impl Shown {
    fn of(proof: &EventProof, now: DateTime<Utc>) -> Self {
        let event = &proof.event;
        let at = event.at.time();
        let optional = |name, value: Option<String>| value.map(|value| (name, value));
        let members = [
            optional("By", Some(event.actor.clone())),
            optional("Key", event.key_id.map(|id| id.to_string())),
            optional("Version", event.version.map(|version| version.to_string())),
            optional("From", Some(event.source.clone())),
            optional("Request", Some(event.request_id.clone())),
        ];
        let heads = event.heads.as_deref().and_then(decode_heads);
        let heads = heads.unwrap_or_default();
        let hex = |bytes: &Vec<u8>| HEXLOWER.encode(bytes);
        Self {
            at: at.map(|at| Moment::new(at, now)),
            exactly: at.map_or_else(|| "out of range".to_owned(), format_time),
            in_words: Action::parse(&event.action).map(event_words::action),
            action: event.action.clone(),
            outcome_in_words: Outcome::parse(&event.outcome).map(event_words::outcome),
            outcome: event.outcome.clone(),
            members: members.into_iter().flatten().collect(),
            credential: event.credential_id.map(|id| id.to_string()),
            details: event.details.as_deref().map(indented),
            verdict: proof.verdict,
            predecessor: proof.predecessor,
            previous: proof.previous.as_ref().map(hex).unwrap_or_default(),
            own: hex(&event.mac),
            proof_key: event.proof_key,
            row: event.digest.as_ref().map(hex),
            heads: heads
                .iter()
                .map(|head| (head.lane.to_string(), head.seq))
                .collect(),
        }
    }
}

// Details that are no JSON were not written by a server; they are shown as they are.
fn indented(text: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let indented = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    indented.unwrap_or_else(|| text.to_owned())
}
