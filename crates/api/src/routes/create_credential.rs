use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::CreateRequest;
use strongroom_domain::blob::{BlobValidation, JsonBlob};
use strongroom_domain::credential::NewCredential;
use strongroom_domain::idempotency;
use strongroom_domain::idempotency::IdempotencyKey;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use utoipa::openapi::ArrayBuilder;

use super::CREDENTIALS;
use crate::authorized::{Authorized, CreateCredential, single};
use crate::body::{self, Fields, choice, string};
use crate::consistency::Required;
use crate::document::{
    BodyInvalid, BodyOrRegionsLate, BodyRefused, Consistency, Idempotency,
    NewCredential as NewCredentialSchema, Organization, Refused, ReusedKey, Unwritten, schemas,
    success, uuid,
};
use crate::envelope::Envelope;
use crate::error::ApiError;

schemas! {
    /// The new credential's id.
    Created => success(ArrayBuilder::new().items(uuid()).min_items(Some(1)).max_items(Some(1)));
}

/// Creates a credential.
#[utoipa::path(
    post, path = CREDENTIALS, operation_id = "createCredential",
    params(Organization, Consistency, Idempotency),
    request_body(content = NewCredentialSchema, example = json!({
        "extcred_provider": "generic",
        "extcred_type": "client_credentials",
        "extcred_label": "billing",
        "json_blob": {"client_id": "strongroom", "client_secret": "s3cr3t", "webhook_token": "t0k3n"},
    })),
    responses(
        (status = 201, description = "It is as durable as was required. `result` holds its id.", body = inline(Created),
         links(
            ("reveal" = (operation_id = "revealCredential", parameters(("cred_id" = "$response.body#/result/0")))),
            ("update" = (operation_id = "updateCredential", parameters(("cred_id" = "$response.body#/result/0")))),
            ("delete" = (
                operation_id = "deleteCredentials",
                parameters(("credentialId" = "$response.body#/result/0")),
            )),
         )),
        BodyInvalid, Refused, BodyOrRegionsLate, BodyRefused, ReusedKey, Unwritten,
    ),
    security(("SlashID-API-Key" = ["admin"])),
)]
pub(super) async fn handle(
    authorized: Authorized<CreateCredential>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (required, key) = headers(request.headers())?;
    let Authorized {
        caller,
        vault,
        state,
        ..
    } = authorized;
    let body = body::read(&request, payload, &state).await?;
    let new = parse(&body, vault.blob_validation())?;
    let level = required.level();
    let create = vault.create_credential(&caller, CreateRequest { new, level, key });
    let id = required.fulfil(&state, &vault, &caller, create).await?;
    Ok(HttpResponse::Created().json(Envelope::success([id])))
}

fn headers(headers: &HeaderMap) -> Result<(Required, Option<IdempotencyKey>), ApiError> {
    let required = Required::read(headers);
    let key = headers.contains_key(idempotency::HEADER).then(|| {
        let text = single(headers, idempotency::HEADER).unwrap_or_default();
        IdempotencyKey::parse(text)
    });
    match (required, key.transpose()) {
        (Ok(required), Ok(key)) => Ok((required, key)),
        (required, key) => {
            let mut errors = required.err().unwrap_or_default();
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
    let value = fields.take("extcred_label");
    let label = fields.check(value, string("extcred_label", Label::parse));
    let value = fields.require("json_blob");
    let blob = fields.check(value, JsonBlob::new);
    if let Some(blob) = &blob {
        // With one of the two unknown, what the other alone demands is still worth saying.
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
        // `require` and `check` have noted what is missing.
        fields.finish()?;
        return Err(ApiError::invalid(Vec::new()));
    };
    fields.finish()?;
    Ok(NewCredential {
        provider,
        kind,
        label: label.unwrap_or_default(),
        blob,
    })
}
