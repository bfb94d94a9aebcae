use actix_web::HttpResponse;
use serde::Serialize;
use strongroom_domain::rotation::Rotation;

use crate::authorized::{Authorized, ReadRotations};
use crate::envelope::Envelope;
use crate::error::ApiError;

/// `GET /organizations/config/rotations`: 200 with the rotations of the organisation's key, newest first, and how
/// far they have come.
pub(super) async fn handle(
    authorized: Authorized<ReadRotations>,
) -> Result<HttpResponse, ApiError> {
    let Authorized {
        caller,
        vault,
        state,
        ..
    } = authorized;
    let rotations = state.within(vault.rotations(&caller)).await?;
    let rotations: Vec<_> = rotations.into_iter().map(RotationBody::new).collect();
    Ok(HttpResponse::Ok().json(Envelope::success(rotations)))
}

#[derive(Serialize)]
struct RotationBody {
    #[serde(flatten)]
    rotation: Rotation,
    rows_left: i64,
    rows_per_second: f64,
}

impl RotationBody {
    fn new(rotation: Rotation) -> Self {
        Self {
            rows_left: rotation.progress.rows_left(),
            rows_per_second: rotation.progress.rate(),
            rotation,
        }
    }
}
