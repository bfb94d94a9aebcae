use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::{Adoption, Reader};
use strongroom_web::query::Params;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Type};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::parameters::{CredentialInPath, Organization};
use crate::openapi::responses::{NoSuchCredential, QueryInvalid, Refused, Unwritten};
use crate::openapi::schemas::{nullable, object, required, schemas, success, text, time, whole};
use crate::paths::CREDENTIAL_ADOPTION;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

schemas! {
    /// The adoption of the current value.
    Answer => success("CredentialAdoptionAnswer", named("CredentialAdoption", adoption()));
}

fn adoption() -> ObjectBuilder {
    let actor = "The API key or the OAuth 2.0 client, as in the audit trail.";
    let version = "The version of the value that it got; null if that is no longer in the trail.";
    let behind = "Whether another value has become the current one since.";
    let reader = object([
        ("reader", required(text().description(Some(actor)))),
        ("last_read_at", required(time())),
        (
            "last_value_version",
            required(
                whole(1, i64::MAX)
                    .schema_type(nullable(Type::Integer))
                    .description(Some(version)),
            ),
        ),
        (
            "behind",
            required(
                ObjectBuilder::new()
                    .schema_type(Type::Boolean)
                    .description(Some(behind)),
            ),
        ),
    ]);
    let readers = ArrayBuilder::new().items(named("CredentialReader", reader));
    object([
        ("value_version", required(whole(1, i64::MAX))),
        ("readers", required(readers)),
    ])
}

/// Shows who has read the current value of a credential, and who has not, according to the audit
/// trail. Keys that are revoked or have expired are left out.
#[utoipa::path(
    get, path = CREDENTIAL_ADOPTION, operation_id = "getCredentialAdoption",
    params(CredentialInPath, Organization),
    responses(
        (status = 200, description = "The readers, those that are behind first.",
         body = inline(Answer)),
        QueryInvalid, Refused, NoSuchCredential, Unwritten,
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
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let adoption = state.with_deadline(vault.adoption(&caller, id)).await?;
    Ok(HttpResponse::Ok().json(Envelope::success(Body::of(&adoption))))
}

#[derive(Serialize)]
struct Body<'a> {
    value_version: i64,
    readers: Vec<ReaderBody<'a>>,
}

#[derive(Serialize)]
struct ReaderBody<'a> {
    reader: &'a str,
    last_read_at: String,
    last_value_version: Option<i64>,
    behind: bool,
}

impl<'a> Body<'a> {
    fn of(adoption: &'a Adoption) -> Self {
        let reader = |reader: &'a Reader| ReaderBody {
            reader: &reader.actor,
            last_read_at: format_time(reader.last_read_at),
            last_value_version: reader.last_value_version,
            behind: reader.behind,
        };
        Self {
            value_version: adoption.value_version,
            readers: adoption.readers.iter().map(reader).collect(),
        }
    }
}
