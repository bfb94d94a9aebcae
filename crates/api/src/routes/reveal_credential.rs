use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use strongroom_domain::credential::{CredentialInfo, RevealedCredential};
use strongroom_domain::replication::Stale;
use strongroom_domain::{CredentialId, FieldError, VaultError};

use crate::authorized::{Authorized, RevealCredential};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::staleness;

/// `GET /organizations/config/external-credentials/{cred_id}`: 200 with the credential and its secret.
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

/// The one place where a secret is serialised.
#[derive(Serialize)]
struct Revealed<'a> {
    #[serde(flatten)]
    info: &'a CredentialInfo,
    json_blob: &'a RawValue,
}

fn answer(revealed: &RevealedCredential, stale: Option<Stale>) -> Result<HttpResponse, ApiError> {
    let json_blob = serde_json::from_slice(revealed.blob.expose())
        .map_err(|_| VaultError::Internal("an opened blob is no JSON".into()))?;
    let info = &revealed.info;
    Ok(staleness::ok(stale).json(Envelope::success(Revealed { info, json_blob })))
}
