use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::json::value::{Kind, Value};

use strongroom_domain::history::MAX_VERSIONS_KEPT;
use strongroom_domain::{FieldError, KEY_LIFETIMES, MAX_RECOVERY_DAYS, OrganizationSettings};
use strongroom_web::body;
use strongroom_web::fields::Fields;
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{BodyInvalid, BodyRefused, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{closed, nullable, object, optional, schemas, whole};
use crate::paths::CONFIG;
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// The change.
    Change => closed(object([
        ("max_key_lifetime", optional(lifetime())),
        ("versions_kept", optional(versions_kept())),
        ("recovery_days", optional(recovery_days())),
    ]));
}

pub(super) fn lifetime() -> ObjectBuilder {
    let about = "The longest time until the expiry of a new API key, in seconds; null for any.";
    whole(*KEY_LIFETIMES.start(), *KEY_LIFETIMES.end())
        .schema_type(nullable(Type::Integer))
        .description(Some(about))
}

pub(super) fn versions_kept() -> ObjectBuilder {
    let about = "The number of former values that are kept of each credential. With 0, a value \
                 that is replaced is gone, and none can be pending.";
    whole(0, MAX_VERSIONS_KEPT).description(Some(about))
}

pub(super) fn recovery_days() -> ObjectBuilder {
    let about = "The days for which a deleted credential can be restored.";
    whole(0, MAX_RECOVERY_DAYS).description(Some(about))
}

/// Changes what the organization sets itself. A setting that is absent stays.
#[utoipa::path(
    patch, path = CONFIG, operation_id = "updateOrganizationConfig",
    params(Organization, Consistency),
    request_body(content = inline(Change), example = json!({"max_key_lifetime": 7_776_000})),
    responses(
        (status = 204, description = "The change is durable in the required regions."),
        BodyInvalid, Refused, RegionsLate, BodyRefused, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    Authorized {
        caller,
        vault,
        state,
    }: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let body = body::read(&request, payload, &state).await?;
    let change = parse(&body)?;
    let changed = async {
        let current = vault.settings(&caller).await?;
        let level = consistency.level();
        vault
            .change_settings(&caller, change.applied_to(current), level)
            .await
    };
    consistency.run(&state, &vault, &caller, changed).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The settings that were sent.
struct Sent {
    max_key_lifetime: Option<Option<i64>>,
    versions_kept: Option<i64>,
    recovery_days: Option<i64>,
}

impl Sent {
    fn applied_to(&self, current: OrganizationSettings) -> OrganizationSettings {
        OrganizationSettings {
            max_key_lifetime: self.max_key_lifetime.unwrap_or(current.max_key_lifetime),
            versions_kept: self.versions_kept.unwrap_or(current.versions_kept),
            recovery_days: self.recovery_days.unwrap_or(current.recovery_days),
        }
    }
}

fn parse(body: &[u8]) -> Result<Sent, ApiError> {
    let mut fields = Fields::parse(body)?;
    let lifetime = fields.take("max_key_lifetime");
    let kept = fields.take("versions_kept");
    let days = fields.take("recovery_days");
    if lifetime.is_none() && kept.is_none() && days.is_none() {
        let message = "must hold max_key_lifetime, versions_kept or recovery_days";
        fields
            .errors
            .push(FieldError::new("body", "required", message));
    }
    let sent = Sent {
        max_key_lifetime: fields.check(lifetime, number_or_null),
        versions_kept: fields.check(kept, number("versions_kept")),
        recovery_days: fields.check(days, number("recovery_days")),
    };
    fields.finish()?;
    Ok(sent)
}

fn number(field: &'static str) -> impl FnOnce(Value<'_>) -> Result<i64, FieldError> {
    move |value| {
        let error = || FieldError::new(field, "wrong_type", "must be a whole number");
        value.as_whole().ok_or_else(error)
    }
}

fn number_or_null(value: Value<'_>) -> Result<Option<i64>, FieldError> {
    if value.kind() == Kind::Null {
        return Ok(None);
    }
    value.as_whole().map(Some).ok_or_else(|| {
        let message = "must be a whole number of seconds, or null";
        FieldError::new("max_key_lifetime", "wrong_type", message)
    })
}
