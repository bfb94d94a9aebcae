use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::FieldError;
use strongroom_domain::json::value::Value;
use strongroom_web::body;
use strongroom_web::fields::Fields;
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{Consistency, Organization};
use crate::openapi::responses::{
    BodyInvalid, BodyRefused, Conflicts, Refused, RegionsLate, Unwritten,
};
use crate::openapi::schemas::{closed, object, optional, schemas, success};
use crate::paths::ROTATIONS;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::list_rotations::{RotationBody, rotation_schema};

schemas! {
    /// The request.
    Start => start();
    /// The rotation.
    Started => success("StartedRotation", rotation_schema());
}

fn start() -> RefOr<Schema> {
    let re_encrypt = ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .default(Some(false.into()))
        .description(Some(
            "Encrypt every credential again, instead of wrapping its data key again.",
        ));
    named(
        "RotationStart",
        closed(object([("re_encrypt", optional(re_encrypt))])),
    )
}

/// Starts a rotation of the organization's key. The servers carry it out within a minute or more,
/// depending on the number of credentials; `listRotations` shows the progress.
#[utoipa::path(
    post, path = ROTATIONS, operation_id = "startRotation",
    params(Organization, Consistency),
    request_body(content = inline(Start), example = json!({"re_encrypt": false})),
    responses(
        (
            status = 202,
            description = "The start is durable in the required regions.",
            body = inline(Started),
        ),
        BodyInvalid, Refused, Conflicts, RegionsLate, BodyRefused, Unwritten,
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
    let mut fields = Fields::parse(&body)?;
    let value = fields.take_unless_null("re_encrypt");
    let re_encrypt = fields.check(value, boolean).unwrap_or(false);
    fields.finish()?;
    let started = vault.begin_rotation(&caller, re_encrypt, consistency.level());
    let rotation = consistency.run(&state, &vault, &caller, started).await?;
    let body = RotationBody::of(&rotation);
    Ok(HttpResponse::Accepted().json(Envelope::success(body)))
}

fn boolean(value: Value<'_>) -> Result<bool, FieldError> {
    value.as_bool().ok_or_else(|| {
        let message = format!("must be true or false, and is {}", value.kind());
        FieldError::new("re_encrypt", "wrong_type", message)
    })
}
