use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::blob::{BlobValidation, JsonBlob};
use strongroom_domain::credential::NewCredential;
use strongroom_domain::idempotency::IdempotencyKey;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::{CreateRequest, idempotency};
use strongroom_web::body;
use strongroom_web::fields::{Fields, choice, string};
use strongroom_web::headers::single_header;
use strongroom_web::query::Params;
use utoipa::openapi::ArrayBuilder;

use crate::conditions::tagged;
use crate::consistency::WriteConsistency;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::bodies::NewCredential as NewCredentialSchema;
use crate::openapi::headers::EntityTag;
use crate::openapi::parameters::{Consistency, Idempotency, Organization};
use crate::openapi::responses::{
    BodyInvalid, BodyRefused, Refused, RegionsLate, ReusedKey, Unwritten,
};
use crate::openapi::schemas::{schemas, success, uuid};
use crate::paths::CREDENTIALS;
use crate::routes::slashid::authorized::Authorized;
use crate::times;

schemas! {
    /// The new credential's id.
    Created => success(
        "CreatedCredential",
        ArrayBuilder::new().items(uuid()).min_items(Some(1)).max_items(Some(1)),
    );
}

/// Creates a credential.
#[utoipa::path(
    post, path = CREDENTIALS, operation_id = "createCredential",
    params(Organization, Consistency, Idempotency),
    request_body(content = NewCredentialSchema, example = json!({
        "extcred_provider": "generic",
        "extcred_type": "client_credentials",
        "extcred_label": "billing",
        "json_blob": {
            "client_id": "strongroom",
            "client_secret": "s3cr3t",
            "webhook_token": "t0k3n",
        },
    })),
    responses(
        (
            status = 201,
            description = "The credential is durable in the required regions. `result` has its id.",
            body = inline(Created),
            headers(("ETag" = inline(EntityTag))),
            links(
                ("reveal" = (
                    operation_id = "revealCredential",
                    parameters(("cred_id" = "$response.body#/result/0")),
                )),
                ("update" = (
                    operation_id = "updateCredential",
                    parameters(("cred_id" = "$response.body#/result/0")),
                )),
                ("delete" = (
                    operation_id = "deleteCredentials",
                    parameters(("credentialId" = "$response.body#/result/0")),
                )),
            ),
        ),
        BodyInvalid, Refused, RegionsLate, BodyRefused, ReusedKey, Unwritten,
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
    let (consistency, key) = headers(request.headers())?;
    let body = body::read(&request, payload, &state).await?;
    let new = parse(&body, vault.blob_validation())?;
    let level = consistency.level();
    let create = vault.create_credential(&caller, CreateRequest { new, level, key });
    let created = consistency.run(&state, &vault, &caller, create).await?;
    let mut response = tagged(HttpResponse::Created(), created.etag);
    Ok(response.json(Envelope::success([created.id])))
}

fn headers(headers: &HeaderMap) -> Result<(WriteConsistency, Option<IdempotencyKey>), ApiError> {
    let consistency = WriteConsistency::read(headers);
    let key = headers.contains_key(idempotency::HEADER).then(|| {
        let text = single_header(headers, idempotency::HEADER).unwrap_or_default();
        IdempotencyKey::parse(text)
    });
    match (consistency, key.transpose()) {
        (Ok(consistency), Ok(key)) => Ok((consistency, key)),
        (consistency, key) => {
            let mut errors = consistency.err().unwrap_or_default();
            errors.extend(key.err());
            Err(ApiError::invalid(errors))
        }
    }
}

fn parse(body: &[u8], rules: BlobValidation) -> Result<NewCredential, ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.require("extcred_provider");
    let read = choice("extcred_provider", Provider::parse, Provider::choices);
    let provider = fields.check(value, read);
    let value = fields.require("extcred_type");
    let read = choice(
        "extcred_type",
        CredentialType::parse,
        CredentialType::choices,
    );
    let kind = fields.check(value, read);
    let value = fields.take_unless_null("extcred_label");
    let label = fields.check(value, string("extcred_label", Label::parse));
    let value = fields.take_unless_null("expires_at");
    let expires_at = fields.check(value, string("expires_at", times::expires_at));
    let value = fields.require("json_blob");
    let blob = fields.check(value, JsonBlob::new);
    if let Some(blob) = &blob {
        // If the provider or the type is unknown, the requirements of the other are still checked.
        let rules = if kind.is_some() {
            rules
        } else {
            BlobValidation::Object
        };
        let provider = provider.unwrap_or(Provider::Generic);
        let kind = kind.unwrap_or(CredentialType::JsonCredentials);
        fields.errors.extend(blob.errors(provider, kind, rules));
    }
    let (Some(provider), Some(kind), Some(blob)) = (provider, kind, blob) else {
        // `require` and `check` have added an error for each missing value.
        fields.finish()?;
        return Err(ApiError::invalid(Vec::new()));
    };
    fields.finish()?;
    Ok(NewCredential {
        provider,
        kind,
        label: label.unwrap_or_default(),
        blob,
        expires_at,
    })
}
