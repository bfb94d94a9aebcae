use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::FieldError;
use strongroom_domain::credential::{CredentialFilter, CredentialPage, Page, PageStart};
use strongroom_domain::credential_order::{CredentialOrder, ListPlace};
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::MAX_LABEL_CHARS;
use strongroom_domain::replication::Stale;
use strongroom_web::query::{Params, whole_number};
use utoipa::openapi::{ObjectBuilder, Type};
use validator::Validate;

use crate::envelope::{CursorPagination, Envelope, Pagination};
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::headers::ReplicaLag;
use crate::openapi::parameters::{Organization, parameters, query};
use crate::openapi::responses::{QueryInvalid, Refused, Unread};
use crate::openapi::schemas::{
    credential_type, list, plain_text, provider, schemas, text, time, whole,
};
use crate::paging::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::paths::CREDENTIALS;
use crate::replica_lag;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_body::CredentialBody;
use crate::routes::slashid::delete_credentials::{bool_choices, parse_bool};
use crate::times;

parameters! {
    /// The parameters of the query.
    Query => [
        query(
            "limit",
            whole(1, MAX_LIMIT).default(Some(DEFAULT_LIMIT.into())),
            "Maximum number of credentials on the page.",
        ),
        query("offset", whole(0, i64::MAX), "Credentials to skip. Not together with `cursor`."),
        query("cursor", cursor(), "Empty for the first page, then `cursor` of the last response."),
        query("extcred_provider", provider(), "Only credentials of this provider."),
        query("extcred_type", credential_type(), "Only credentials of this type."),
        query("extcred_label", plain_text(), "Only credentials with exactly this label."),
        query(
            "label_contains",
            label_part(),
            "Only credentials whose label contains this text, without regard to case.",
        ),
        query(
            "deleted",
            ObjectBuilder::new().schema_type(Type::Boolean),
            "Deleted credentials that can be restored, instead of the others.",
        ),
        query("expires_before", time(), "Only credentials that expire before this time."),
        query(
            "sort",
            order(),
            "The order of all pages; `-` reverses it. Labels are compared without regard to the \
             case of ASCII letters. \
             Credentials that were never used count as used before all others, and those that do \
             not expire as the last to expire. A cursor belongs to one order and one filter.",
        ),
    ];
}

schemas! {
    /// A page of credentials.
    CredentialPageBody => list(
        "CredentialList",
        named("Credential", <CredentialBody as utoipa::PartialSchema>::schema()),
    );
}

/// Lists credentials without their secrets, in order of creation unless `sort` names another.
#[utoipa::path(
    get, path = CREDENTIALS, operation_id = "listCredentials",
    params(Organization, Query),
    responses(
        (status = 200, description = "A page of credentials.", body = inline(CredentialPageBody),
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)))),
        QueryInvalid, Refused, Unread,
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
    let (page, filter) = parse(request.query_string())?;
    let wanted = (page.clone(), filter.clone());
    let stale = vault.stale();
    let listed = state
        .with_deadline(vault.list_credentials(&caller, page, filter))
        .await?;
    Ok(answer(&wanted, &listed, stale))
}

fn answer(
    (page, filter): &(Page, CredentialFilter),
    listed: &CredentialPage,
    stale: Option<Stale>,
) -> HttpResponse {
    let limit = page.limit;
    let items: Vec<_> = listed.items.iter().map(CredentialBody::of).collect();
    let envelope = match page.start {
        PageStart::Offset(offset) => {
            let total_count = listed.total.unwrap_or_default();
            Envelope::page(
                items,
                Pagination {
                    limit,
                    offset,
                    total_count,
                },
            )
        }
        PageStart::After(_) => {
            let next = listed.next.as_ref();
            let cursor = next.map(|place| place.to_cursor(page.order, filter));
            let cursor = cursor.unwrap_or_default();
            Envelope::cursor_page(items, CursorPagination { limit, cursor })
        }
    };
    replica_lag::ok(stale).json(envelope)
}

#[derive(Debug, Validate)]
struct Window {
    #[validate(range(min = 1, max = MAX_LIMIT, message = "must be from 1 to 1000"))]
    limit: i64,
    #[validate(range(min = 0, message = "must not be negative"))]
    offset: i64,
}

fn parse(query: &str) -> Result<(Page, CredentialFilter), ApiError> {
    let mut params = Params::parse(query);
    let number = |most: i64| move || format!("a whole number, at most {most}");
    let limit = params.read("limit", whole_number, number(MAX_LIMIT));
    let offset = params.read("offset", whole_number, number(i64::MAX));
    let order = params.read("sort", CredentialOrder::parse, CredentialOrder::choices);
    let order = order.unwrap_or(CredentialOrder::Created);
    let filter = filter(&mut params);
    let cursor = params.read(
        "cursor",
        |text| decode_cursor(text, order, &filter),
        || "empty, or a cursor from an earlier answer of the same order and filter".to_owned(),
    );
    if cursor.is_some() && offset.is_some() {
        let error = FieldError::new("offset", "conflict", "cannot be used together with cursor");
        params.errors.push(error);
    }
    let window = Window {
        limit: limit.unwrap_or(DEFAULT_LIMIT),
        offset: offset.unwrap_or(0),
    };
    params.errors.extend(out_of_range(&window));
    params.finish()?;
    let start = match cursor {
        Some(after) => PageStart::After(after),
        None => PageStart::Offset(window.offset),
    };
    let limit = window.limit;
    let page = Page {
        limit,
        start,
        order,
    };
    Ok((page, filter))
}

fn filter(params: &mut Params) -> CredentialFilter {
    CredentialFilter {
        provider: params.read("extcred_provider", Provider::parse, Provider::choices),
        kind: params.read(
            "extcred_type",
            CredentialType::parse,
            CredentialType::choices,
        ),
        label: params.read("extcred_label", label, || {
            "free of control characters".to_owned()
        }),
        label_contains: params.read("label_contains", part_of_label, || {
            format!("1 to {MAX_LABEL_CHARS} characters, free of control characters")
        }),
        expires_before: params.read("expires_before", times::in_query, times::must_be_time),
        deleted: params.read("deleted", parse_bool, bool_choices) == Some(true),
        reach: None,
    }
}

// Longer than a new label may be, because the label of a Pieces user is as long as the user's name.
// PostgreSQL accepts no NUL character in a text.
fn label(text: &str) -> Option<String> {
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn part_of_label(text: &str) -> Option<String> {
    let bounded = (1..=MAX_LABEL_CHARS).contains(&text.chars().count());
    label(text).filter(|_| bounded)
}

fn out_of_range(window: &Window) -> Vec<FieldError> {
    let Err(errors) = window.validate() else {
        return Vec::new();
    };
    errors
        .field_errors()
        .into_iter()
        .flat_map(|(field, errors)| {
            errors.iter().map(move |error| {
                let message = error.message.clone().unwrap_or_default();
                FieldError::new(field.to_string(), "out_of_range", message)
            })
        })
        .collect()
}

// A version and a UUID; or another version, an order, a check, a UUID, and what the order compares.
fn cursor() -> ObjectBuilder {
    text().pattern(Some(
        "^(A[Q-Za-f][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]|Ag[A-Za-z0-9_-]{28,1500})?$",
    ))
}

fn order() -> ObjectBuilder {
    let names = CredentialOrder::ALL.iter().map(|order| order.as_str());
    text().enum_values(Some(names))
}

fn label_part() -> ObjectBuilder {
    plain_text()
        .min_length(Some(1))
        .max_length(Some(MAX_LABEL_CHARS))
}

// The empty cursor is the start of the first page.
fn decode_cursor(
    text: &str,
    order: CredentialOrder,
    filter: &CredentialFilter,
) -> Option<Option<ListPlace>> {
    if text.is_empty() {
        return Some(None);
    }
    ListPlace::from_cursor(text, order, filter).map(Some)
}
