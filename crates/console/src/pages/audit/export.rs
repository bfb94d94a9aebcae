//! The events that a filter selects, as a file.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures_util::stream;
use serde::Serialize;
use strongroom_domain::audit::stored::StoredEvent;
use strongroom_domain::permission::Permission;
use strongroom_domain::{AuditExport, OrgId};

use crate::error::PageError;
use crate::pages::audit::filter::Filter;
use crate::session::Session;

/// One event, as in the lines of `strongroom audit export`.
#[derive(Serialize)]
struct Line<'a> {
    org_id: OrgId,
    #[serde(flatten)]
    event: &'a StoredEvent,
}

/// Pages of events after which the session is checked again.
const PAGES_PER_CHECK: u32 = 10;

/// What is left of a download.
struct Rest {
    session: Session,
    export: AuditExport,
    /// Pages since the last check of the session.
    pages: u32,
}

/// Sends the events as JSON Lines, oldest first.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let filter = Filter::parse(session.request.query_string())?;
    if filter.has_errors() || filter.after.is_some() {
        return Err(PageError::unknown_path());
    }
    let (vault, caller) = (&session.vault, &session.caller);
    let begun = vault.export_audit(caller, filter.selected);
    let export = session.state.with_deadline(begun).await?;
    let day = vault.now().date_naive();
    let name = format!("audit-{}-{day}.jsonl", caller.org());
    let rest = Rest {
        session,
        export,
        pages: 0,
    };
    // An error ends the connection early, so that the browser shows that the file is not whole.
    let lines = stream::try_unfold(rest, next);
    Ok(HttpResponse::Ok()
        .content_type("application/jsonl; charset=utf-8")
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(lines))
}

async fn next(mut rest: Rest) -> Result<Option<(Bytes, Rest)>, Error> {
    // Each page has a deadline of its own: a filter may select few events of a long trail.
    while let Some(events) = page(&mut rest).await? {
        if !events.is_empty() {
            let lines = lines(rest.session.caller.org(), &events)?;
            return Ok(Some((lines, rest)));
        }
    }
    Ok(None)
}

/// The selected events of the next page; `None` at the end.
async fn page(rest: &mut Rest) -> Result<Option<Vec<StoredEvent>>, PageError> {
    if rest.pages == PAGES_PER_CHECK {
        rest.session.check(Permission::AuditRead).await?;
        rest.pages = 0;
    }
    rest.pages += 1;
    let read = rest.session.vault.exported(&mut rest.export);
    Ok(rest.session.state.with_deadline(read).await?)
}

fn lines(org_id: OrgId, events: &[StoredEvent]) -> Result<Bytes, PageError> {
    let mut lines = Vec::new();
    for event in events {
        let line = Line { org_id, event };
        serde_json::to_writer(&mut lines, &line).map_err(|error| PageError::defect(&error))?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}
