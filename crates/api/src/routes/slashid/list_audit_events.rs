use actix_web::{HttpRequest, HttpResponse};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::audit::event::{Action, Outcome};
use strongroom_domain::audit::stored::{
    AuditFilter, EventPosition, StoredEvent, StoredTime, parse_actor,
};
use strongroom_domain::{CredentialId, FieldError, KeyId, LaneId};
use strongroom_web::query::{Params, whole_number};
use utoipa::ToSchema;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use crate::envelope::{CursorPagination, Envelope};
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Organization, parameters, query};
use crate::openapi::responses::{QueryInvalid, Refused, Unwritten};
use crate::openapi::schemas;
use crate::openapi::schemas::{free_object, list, one_of, schemas, text, whole};
use crate::paging::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::routes::slashid::authorized::Authorized;
use crate::times;

parameters! {
    /// The parameters of the query.
    Query => [
        query(
            "limit",
            whole(1, MAX_LIMIT).default(Some(DEFAULT_LIMIT.into())),
            "Maximum number of events on the page.",
        ),
        query("cursor", cursor(), "Empty for the first page, then `cursor` of the last response."),
        query("since", schemas::time(), "Only events at or after this time."),
        query("until", schemas::time(), "Only events before this time."),
        query(
            "actor",
            actor(),
            "Only events of this actor: an API key's id, a client's `client_id`, `operator` or \
             `anonymous`.",
        ),
        query("credential_id", schemas::uuid(), "Only events about this credential."),
        query("action", actions(), "Only events with this action."),
        query("outcome", outcomes(), "Only events with this outcome."),
    ];
}

schemas! {
    /// A page of events.
    Events => list(
        "AuditEventList",
        named("AuditEvent", <Item as utoipa::PartialSchema>::schema()),
    );
}

/// Lists the organization's audit events, newest first.
#[utoipa::path(
    get, path = "/organizations/config/audit-events", operation_id = "listAuditEvents",
    params(Organization, Query),
    responses(
        (status = 200, description = "A page of events.", body = inline(Events)),
        QueryInvalid, Refused, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Search {
        filter,
        after,
        limit,
    } = parse(request.query_string())?;
    let listed = state
        .with_deadline(vault.list_audit_events(&caller, &filter, after, limit))
        .await?;
    let cursor = listed.next.map(encode_cursor).unwrap_or_default();
    let events: Vec<Item<'_>> = listed.items.iter().map(Item::of).collect();
    Ok(HttpResponse::Ok().json(Envelope::cursor_page(
        events,
        CursorPagination { limit, cursor },
    )))
}

/// An event, as responses contain it. Its digest is omitted: it is useless without the chain's key.
#[derive(Debug, Serialize, ToSchema)]
struct Item<'a> {
    /// To the microsecond.
    #[schema(schema_with = schemas::time)]
    at: StoredTime,
    #[schema(schema_with = actions)]
    action: &'a str,
    #[schema(schema_with = outcomes)]
    outcome: &'a str,
    #[schema(schema_with = actor)]
    actor: &'a str,
    #[schema(schema_with = schemas::uuid_or_null)]
    credential_id: Option<CredentialId>,
    #[schema(schema_with = schemas::uuid_or_null)]
    key_id: Option<KeyId>,
    /// The credential's version.
    #[schema(required = true)]
    version: Option<i64>,
    /// The version of the credential's value. Before record format 5, every change was one.
    #[schema(required = true)]
    value_version: Option<i64>,
    request_id: &'a str,
    source: &'a str,
    /// The event's chain in the audit trail; `seq` is its position there.
    #[schema(schema_with = schemas::uuid)]
    lane: LaneId,
    seq: i64,
    /// Further members of the event, which depend on its action.
    #[schema(schema_with = details, required = true)]
    details: Option<&'a RawValue>,
}

fn details() -> ObjectBuilder {
    free_object().schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
}

fn actions() -> RefOr<Schema> {
    let names = Action::ALL.iter().map(|action| action.as_str());
    named("AuditAction", one_of(names))
}

fn outcomes() -> RefOr<Schema> {
    let names = Outcome::ALL.iter().map(|outcome| outcome.as_str());
    named("AuditOutcome", one_of(names))
}

fn actor() -> ObjectBuilder {
    let id = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    let client = "src_[0-9a-z]{52}";
    text().pattern(Some(format!("^(operator|anonymous|{id}|{client})$")))
}

// A version, a time, a lane and a position.
fn cursor() -> ObjectBuilder {
    text().pattern(Some("^(A[Q-Za-f][A-Za-z0-9_-]{42})?$"))
}

impl<'a> Item<'a> {
    fn of(event: &'a StoredEvent) -> Self {
        Self {
            at: event.at,
            action: &event.action,
            outcome: &event.outcome,
            actor: &event.actor,
            credential_id: event.credential_id,
            key_id: event.key_id,
            version: event.version,
            value_version: event.value_version(),
            request_id: &event.request_id,
            source: &event.source,
            lane: event.lane,
            seq: event.seq,
            details: event
                .details
                .as_deref()
                .and_then(|details| serde_json::from_str(details).ok()),
        }
    }
}

/// The events that a caller requests.
struct Search {
    filter: AuditFilter,
    after: Option<EventPosition>,
    limit: i64,
}

fn parse(query: &str) -> Result<Search, ApiError> {
    let mut params = Params::parse(query);
    let limit = params.read("limit", whole_number, || "a whole number".to_owned());
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let error = FieldError::new("limit", "out_of_range", "must be from 1 to 1000");
        params.errors.push(error);
    }
    let after = params.read("cursor", decode_cursor, || {
        "empty, or a cursor from an earlier answer".to_owned()
    });
    let filter = AuditFilter {
        since: params.read("since", times::in_query, times::must_be_time),
        until: params.read("until", times::in_query, times::must_be_time),
        actor: params.read("actor", parse_actor, || {
            "an API key's id, a client_id, operator or anonymous".to_owned()
        }),
        credential: params.read("credential_id", CredentialId::parse, || {
            "a credential's UUID".to_owned()
        }),
        action: params.read("action", Action::parse, Action::choices),
        outcome: params.read("outcome", Outcome::parse, Outcome::choices),
        without: None,
    };
    params.finish()?;
    Ok(Search {
        filter,
        after: after.flatten(),
        limit,
    })
}

/// The first byte of every cursor, so that its format can change.
const CURSOR_VERSION: u8 = 1;

fn encode_cursor(last: EventPosition) -> String {
    let mut bytes = vec![CURSOR_VERSION];
    bytes.extend_from_slice(&last.at.0.to_be_bytes());
    bytes.extend_from_slice(last.lane.0.as_bytes());
    bytes.extend_from_slice(&last.seq.to_be_bytes());
    BASE64URL_NOPAD.encode(&bytes)
}

// The empty cursor is the start of the first page.
fn decode_cursor(text: &str) -> Option<Option<EventPosition>> {
    if text.is_empty() {
        return Some(None);
    }
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (&CURSOR_VERSION, bytes) = bytes.split_first()? else {
        return None;
    };
    let (at, bytes) = bytes.split_at_checked(8)?;
    let (lane, seq) = bytes.split_at_checked(16)?;
    Some(Some(EventPosition {
        at: StoredTime(i64::from_be_bytes(at.try_into().ok()?)),
        lane: LaneId(uuid::Uuid::from_slice(lane).ok()?),
        seq: i64::from_be_bytes(seq.try_into().ok()?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_refuse_anything_else() {
        let place = EventPosition {
            at: StoredTime(1_700_000_000_000_001),
            lane: LaneId(uuid::Uuid::from_u128(77)),
            seq: 3,
        };
        let cursor = encode_cursor(place);
        assert_eq!(decode_cursor(&cursor), Some(Some(place)));
        assert_eq!(decode_cursor(""), Some(None));
        for bad in ["x", "AQ", "!!!!", "AgAAAAAAAAAAAAAAAAAAAAA", &cursor[2..]] {
            assert_eq!(decode_cursor(bad), None, "{bad}");
        }
        assert_eq!(decode_cursor(&format!("{cursor}AAAA")), None);
    }
}
