use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use strongroom_domain::OrgId;
use strongroom_domain::rotation::{Rotation, RotationState};
use strongroom_web::query::Params;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::Organization;
use crate::openapi::responses::{HeadersInvalid, Refused, Unavailable};
use crate::openapi::schemas;
use crate::openapi::schemas::{list, one_of, schemas};
use crate::paths::ROTATIONS;
use crate::routes::slashid::authorized::Authorized;

schemas! {
    /// All rotations.
    Rotations => list(
        "RotationList",
        rotation_schema(),
    );
}

/// Lists the rotations of the organization's key and their progress, newest first.
#[utoipa::path(
    get, path = ROTATIONS, operation_id = "listRotations",
    params(Organization),
    responses(
        (status = 200, description = "All rotations.", body = inline(Rotations)),
        HeadersInvalid, Refused, Unavailable,
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
    Params::none(request.query_string())?;
    let rotations = state.with_deadline(vault.rotations(&caller)).await?;
    let rotations: Vec<_> = rotations.iter().map(RotationBody::of).collect();
    Ok(HttpResponse::Ok().json(Envelope::success(rotations)))
}

pub(in crate::routes) fn rotation_schema() -> RefOr<Schema> {
    named(
        "Rotation",
        <RotationBody as utoipa::PartialSchema>::schema(),
    )
}

/// A rotation, as responses contain it.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct RotationBody {
    #[schema(schema_with = schemas::uuid)]
    org_id: OrgId,
    /// The new generation of the key.
    generation: i32,
    /// Whether credentials are encrypted again, or only their keys are wrapped again.
    re_encrypt: bool,
    #[schema(schema_with = state)]
    state: RotationState,
    /// Credentials at the start of the rotation.
    rows_total: i64,
    /// Credentials that the rotation has completed.
    rows_done: i64,
    /// Maximum number of credentials per second; null if unlimited.
    #[schema(required = true)]
    throttle: Option<i32>,
    #[schema(schema_with = schemas::time)]
    started_at: DateTime<Utc>,
    /// When a server last worked on it.
    #[schema(schema_with = schemas::time)]
    updated_at: DateTime<Utc>,
    /// When it ended; null while it runs.
    #[schema(schema_with = schemas::time_or_null)]
    finished_at: Option<DateTime<Utc>>,
    rows_left: i64,
    rows_per_second: f64,
}

fn state() -> RefOr<Schema> {
    let names = RotationState::ALL.iter().map(|state| state.as_str());
    named("RotationState", one_of(names))
}

impl RotationBody {
    pub(in crate::routes) fn of(rotation: &Rotation) -> Self {
        let progress = rotation.progress;
        Self {
            org_id: rotation.org_id,
            generation: rotation.generation,
            re_encrypt: rotation.re_encrypt,
            state: progress.state,
            rows_total: progress.rows_total,
            rows_done: progress.rows_done,
            throttle: progress.throttle,
            started_at: progress.started_at,
            updated_at: progress.updated_at,
            finished_at: progress.finished_at,
            rows_left: progress.rows_left(),
            rows_per_second: progress.rate(),
        }
    }
}
