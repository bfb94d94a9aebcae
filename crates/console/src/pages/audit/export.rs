//! The events that a filter selects, as a file.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::Bytes;
use actix_web::{Error, HttpResponse};
use futures_util::stream;
use serde::Serialize;
use strongroom_domain::audit::stored::StoredEvent;
use strongroom_domain::permission::Permission;
use strongroom_domain::{AuditExport, OrgId, VaultError};

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

/// What is left of a download.
struct Rest {
    session: Session,
    export: AuditExport,
    /// Lines that were read before the answer began.
    first: Option<Vec<StoredEvent>>,
}

/// Sends the events as JSON Lines, oldest first.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::AuditRead).await?;
    let filter = Filter::parse(session.request.query_string())?;
    if filter.has_errors() || filter.after.is_some() {
        return Err(PageError::unknown_path());
    }
    let (vault, caller) = (&session.vault, &session.caller);
    let begun = async {
        let mut export = vault.export_audit(caller, filter.selected).await?;
        let first = vault.exported(&mut export).await?;
        Ok::<_, VaultError>((export, first))
    };
    let (export, first) = session.state.with_deadline(begun).await?;
    let day = vault.now().date_naive();
    let name = format!("audit-{}-{day}.jsonl", caller.org());
    let rest = Rest {
        session,
        export,
        first: Some(first),
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
    let events = match rest.first.take() {
        Some(events) => events,
        None => {
            let read = rest.session.vault.exported(&mut rest.export);
            let read = rest.session.state.with_deadline(read).await;
            read.map_err(PageError::from)?
        }
    };
    if events.is_empty() {
        return Ok(None);
    }
    let org_id = rest.session.caller.org();
    let mut lines = Vec::new();
    for event in &events {
        let line = Line { org_id, event };
        serde_json::to_writer(&mut lines, &line).map_err(|error| PageError::defect(&error))?;
        lines.push(b'\n');
    }
    Ok(Some((lines.into(), rest)))
}
