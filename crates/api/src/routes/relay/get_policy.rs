use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::headers::ReplicaLag;
use crate::openapi::parameters::{CredentialInPath, Organization};
use crate::openapi::responses::{NoSuchPolicy, QueryInvalid, Refused, Unread};
use crate::paths::RELAY_POLICY;
use crate::replica_lag;
use crate::routes::relay::policy_body::{StoredPolicy, result};
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// The relay policy of a credential, with all its defaults.
#[utoipa::path(
    get, path = RELAY_POLICY, operation_id = "getRelayPolicy",
    params(CredentialInPath, Organization),
    responses(
        (status = 200, description = "The policy.", body = inline(StoredPolicy),
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)))),
        QueryInvalid, Refused, NoSuchPolicy, Unread,
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
    let stale = vault.stale();
    let policy = state.with_deadline(vault.relay_policy(&caller, id)).await?;
    Ok(replica_lag::ok(stale).json(Envelope::success(result(&policy))))
}
