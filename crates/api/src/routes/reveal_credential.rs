use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::credential::RevealedCredential;
use strongroom_domain::replication::Stale;
use strongroom_domain::{CredentialId, FieldError, VaultError};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use super::CREDENTIAL;
use super::credential_body::CredentialBody;
use crate::authorized::{Authorized, RevealCredential};
use crate::document::{
    CredentialInPath, NoSuchCredential, Organization, QueryInvalid, Refused, ReplicaLag, Unread,
    any_object, schemas, success,
};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::staleness;

schemas! {
    /// A credential with its secret.
    RevealedBody => success(revealed());
}

/// Reveals a credential with its secret. The reveal is recorded first.
#[utoipa::path(
    get, path = CREDENTIAL, operation_id = "revealCredential",
    params(CredentialInPath, Organization),
    responses(
        (status = 200, description = "The credential.", body = inline(RevealedBody),
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)))),
        QueryInvalid, Refused, NoSuchCredential, Unread,
    ),
    security(("SlashID-API-Key" = ["admin"])),
)]
pub(super) async fn handle(
    authorized: Authorized<RevealCredential>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = credential_id(&request)?;
    let Authorized {
        caller,
        vault,
        state,
        ..
    } = authorized;
    let stale = vault.stale();
    let revealed = state.within(vault.reveal_credential(&caller, id)).await?;
    answer(&revealed, stale)
}

/// The path's credential id.
pub(super) fn credential_id(request: &HttpRequest) -> Result<CredentialId, ApiError> {
    let text = request.match_info().get("cred_id").unwrap_or_default();
    CredentialId::parse(text).ok_or_else(|| {
        ApiError::invalid(vec![FieldError::new(
            "cred_id",
            "invalid_value",
            "must be a UUID",
        )])
    })
}

/// The one place where a secret is serialized.
#[derive(Serialize)]
struct Revealed<'a> {
    #[serde(flatten)]
    info: CredentialBody<'a>,
    json_blob: &'a RawValue,
}

// The credential's members, and one more.
fn revealed() -> RefOr<Schema> {
    let mut schema = CredentialBody::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let name = "json_blob".to_owned();
        object.properties.insert(name.clone(), any_object().into());
        object.required.push(name);
    }
    schema
}

fn answer(revealed: &RevealedCredential, stale: Option<Stale>) -> Result<HttpResponse, ApiError> {
    let json_blob = serde_json::from_slice(revealed.blob.expose())
        .map_err(|_| VaultError::Internal("an opened blob is no JSON".into()))?;
    let info = CredentialBody::of(&revealed.info);
    Ok(staleness::ok(stale).json(Envelope::success(Revealed { info, json_blob })))
}
