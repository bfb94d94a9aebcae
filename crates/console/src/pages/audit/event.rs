//! One event, and its proof.

use actix_web::HttpResponse;
use askama::Template;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use futures_util::future::try_join;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::heads::decode_heads;
use strongroom_domain::audit::proof::{EventProof, Predecessor, Verdict};
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::permission::Permission;
use strongroom_domain::{LaneId, VaultError};

use crate::actors::{self, Actor, Actors};
use crate::error::PageError;
use crate::event_words;
use crate::layout::{Layout, Part, answer};
use crate::listing::within;
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

/// Bytes of the texts on the page, which stays below 60 KiB with them.
const TEXTS: usize = 32 << 10;
/// Bytes of a head of another lane on the page, and as many for other texts of the event.
const HEAD: usize = 800;

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
    actor: Actor,
    key: Option<Actor>,
    credential: Option<String>,
    details: Option<String>,
    verdict: Verdict,
    predecessor: Predecessor,
    previous: String,
    own: String,
    proof_key: Option<i32>,
    row: Option<String>,
    /// Some of them.
    heads: Vec<(String, i64)>,
}

/// Shows an event.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let part = |name: &str| session.request.match_info().get(name);
    let lane = part("lane").and_then(LaneId::parse);
    let seq = part("seq").and_then(|seq| seq.parse::<i64>().ok());
    let (lane, seq) = lane.zip(seq).ok_or_else(PageError::unknown_path)?;
    let layout = Layout::new(&session, Part::Audit, format!("Event {seq}"));
    let (layout, proofs) = try_join(layout, proofs(&session, lane, seq)).await?;
    let events = || proofs.iter().map(|proof| &proof.event);
    let mut ids = actors::ids(events().map(|event| event.actor.as_str()));
    ids.extend(events().filter_map(|event| event.key_id));
    let actors = Actors::named(&session, ids).await?;
    let now = session.vault.now();
    let most = TEXTS / proofs.len().max(1);
    let shown = |proof| Shown::of(proof, most, (&actors, now));
    let page = Page {
        layout,
        path: paths::audit(session.caller.org()),
        lane: lane.to_string(),
        seq,
        events: proofs.iter().map(shown).collect(),
    };
    answer(&page, &session)
}

async fn proofs(session: &Session, lane: LaneId, seq: i64) -> Result<Vec<EventProof>, PageError> {
    let proofs = session.vault.audit_event(&session.caller, lane, seq);
    match session.state.with_deadline(proofs).await {
        Err(VaultError::NotFound) => Err(PageError::unknown_path()),
        proofs => Ok(proofs?),
    }
}

impl Shown {
    /// Its texts have at most about `most` bytes on the page.
    fn of(proof: &EventProof, most: usize, (actors, now): (&Actors, DateTime<Utc>)) -> Self {
        let event = &proof.event;
        let at = event.at.time();
        // Rows that were altered may have any text.
        let text = |text: &str| within(text, most / 16);
        let version = event
            .version
            .map(|version| ("Version", version.to_string()));
        let members = [
            ("From", text(&event.source)),
            ("Request", text(&event.request_id)),
        ];
        let heads = event.heads.as_deref().and_then(decode_heads);
        let heads = heads.unwrap_or_default();
        let heads = heads.iter().take(most / HEAD);
        let hex = |bytes: &Vec<u8>| HEXLOWER.encode(bytes);
        Self {
            at: at.map(|at| Moment::new(at, now)),
            exactly: at.map_or_else(|| "out of range".to_owned(), format_time),
            in_words: Action::parse(&event.action).map(event_words::action),
            action: text(&event.action),
            outcome_in_words: Outcome::parse(&event.outcome).map(event_words::outcome),
            outcome: text(&event.outcome),
            actor: actors.actor(&event.actor),
            key: event.key_id.map(|id| actors.key(id)),
            members: version.into_iter().chain(members).collect(),
            credential: event.credential_id.map(|id| id.to_string()),
            details: event
                .details
                .as_deref()
                .map(|text| within(&indented(text), most / 2)),
            verdict: proof.verdict,
            predecessor: proof.predecessor,
            previous: proof.previous.as_ref().map(hex).unwrap_or_default(),
            own: hex(&event.mac),
            proof_key: event.proof_key,
            row: event.digest.as_ref().map(hex),
            heads: heads
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
