use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::VaultError;
use strongroom_domain::credential::{Reveal, RevealedCredential};
use strongroom_domain::replication::Stale;
use strongroom_web::query::Params;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::conditions::{if_none_match, tagged};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::headers::{EntityTag, ReplicaLag};
use crate::openapi::parameters::{CredentialInPath, IfNoneMatch, Organization};
use crate::openapi::responses::{NoSuchCredential, QueryInvalid, Refused, Unread};
use crate::openapi::schemas::{free_object, schemas, success};
use crate::paths::CREDENTIAL;
use crate::replica_lag;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_body::CredentialBody;
use crate::routes::slashid::credential_id::credential_id;
use crate::secret_body;

schemas! {
    /// A credential with its secret.
    RevealedBody => success("RevealedCredential", named("CredentialWithSecret", revealed()));
}

/// Reveals a credential with its secret. The reveal is recorded before the response.
#[utoipa::path(
    get, path = CREDENTIAL, operation_id = "revealCredential",
    params(CredentialInPath, Organization, IfNoneMatch),
    responses(
        (status = 200, description = "The credential.", body = inline(RevealedBody),
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)), ("ETag" = inline(EntityTag)))),
        (status = 304, description = "The credential is of a version in `If-None-Match`. The \
                                      audit trail has the reveal of this version.",
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)), ("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchCredential, Unread,
    ),
)]
pub(in crate::routes) async fn handle(
    authorized: Authorized,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let known = if_none_match(request.headers());
    let (id, known) = match (credential_id(&request), known) {
        (Ok(id), Ok(known)) => (id, known),
        (id, known) => {
            let errors = id.err().into_iter().chain(known.err());
            return Err(ApiError::invalid(errors.collect()));
        }
    };
    let Authorized {
        caller,
        vault,
        state,
    } = authorized;
    let stale = vault.stale();
    let reveal = vault.reveal_credential(&caller, id, known);
    match state.with_deadline(reveal).await? {
        Reveal::Opened(revealed) => answer(&revealed, stale),
        Reveal::Unchanged(etag) => {
            let response = replica_lag::begin(StatusCode::NOT_MODIFIED, stale);
            Ok(tagged(response, Some(etag)).finish())
        }
    }
}

/// The only type that serializes a secret.
#[derive(Serialize)]
struct Revealed<'a> {
    #[serde(flatten)]
    info: CredentialBody<'a>,
    json_blob: &'a RawValue,
}

// The schema of a credential, with `json_blob`.
fn revealed() -> RefOr<Schema> {
    let mut schema = CredentialBody::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let name = "json_blob".to_owned();
        object.properties.insert(name.clone(), free_object().into());
        object.required.push(name);
    }
    schema
}

fn answer(revealed: &RevealedCredential, stale: Option<Stale>) -> Result<HttpResponse, ApiError> {
    let blob = revealed.blob.expose();
    let json_blob = serde_json::from_slice(blob)
        .map_err(|_| VaultError::Internal("an opened blob is not JSON".into()))?;
    let info = CredentialBody::of(&revealed.info);
    let envelope = Envelope::success(Revealed { info, json_blob });
    let response = tagged(replica_lag::ok(stale), revealed.info.etag);
    Ok(secret_body::json(response, &envelope, blob.len())?)
}
