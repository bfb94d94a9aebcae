use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::json;
use strongroom_web::body;
use strongroom_web::query::Params;
use strongroom_web::refusal::Refusal;

use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, CredentialInPath, Organization};
use crate::openapi::responses::{
    BodyRefused, NoSuchCredential, PolicyInvalid, Refused, RegionsLate, Unwritten,
};
use crate::paths::RELAY_POLICY;
use crate::routes::relay::policy_body::{SentPolicy, StoredPolicy, result};
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// Sets the relay policy of a credential: which requests may carry it, and where in them it is put.
///
/// What the policy leaves out is as in the preset of the credential's provider and type.
#[utoipa::path(
    put, path = RELAY_POLICY, operation_id = "putRelayPolicy",
    params(CredentialInPath, Organization, Consistency),
    request_body(
        content = inline(SentPolicy),
        example = json!({
            "hosts": ["api.stripe.com"],
            "rules": [{"methods": ["GET", "POST"], "paths": ["/v1/*"]}],
        }),
    ),
    responses(
        (status = 200, description = "The policy as it is now, in the required regions.",
         body = inline(StoredPolicy)),
        PolicyInvalid, Refused, NoSuchCredential, RegionsLate, BodyRefused, Unwritten,
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
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let body = body::read(&request, payload, &state).await?;
    let value = json::parse(&body).map_err(Refusal::from)?;
    let put = vault.put_relay_policy(&caller, id, value, None, consistency.level());
    let policy = consistency.run(&state, &vault, &caller, put).await?;
    Ok(HttpResponse::Ok().json(Envelope::success(result(&policy))))
}
