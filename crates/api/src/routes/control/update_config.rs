use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::json::value::{Kind, Value};

use strongroom_domain::{FieldError, KEY_LIFETIMES, OrganizationSettings, VaultError};
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
    Change => closed(object([("max_key_lifetime", optional(lifetime()))]));
}

pub(super) fn lifetime() -> ObjectBuilder {
    let about = "The longest time until the expiry of a new API key, in seconds; null for any.";
    whole(*KEY_LIFETIMES.start(), *KEY_LIFETIMES.end())
        .schema_type(nullable(Type::Integer))
        .description(Some(about))
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
    authorized: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let Authorized {
        caller,
        vault,
        state,
    } = authorized;
    let body = body::read(&request, payload, &state).await?;
    let change = parse(&body)?;
    let changed = async {
        let current = vault.settings(&caller).await?;
        let settings = OrganizationSettings {
            max_key_lifetime: change.unwrap_or(current.max_key_lifetime),
        };
        let level = consistency.level();
        let changed = vault.change_settings(&caller, settings, level).await?;
        Ok::<_, VaultError>(changed)
    };
    consistency.run(&state, &vault, &caller, changed).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The new lifetime, if it was sent.
fn parse(body: &[u8]) -> Result<Option<Option<i64>>, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.take("max_key_lifetime");
    let sent = value.is_some();
    let lifetime = fields.check(value, number_or_null);
    if !sent {
        let error = FieldError::new("body", "required", "must hold max_key_lifetime");
        fields.errors.push(error);
    }
    fields.finish()?;
    Ok(lifetime)
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
