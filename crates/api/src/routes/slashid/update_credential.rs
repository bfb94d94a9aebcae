use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::blob::{JsonBlob, MergePatch};
use strongroom_domain::credential::CredentialChange;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::{CredentialId, FieldError, OrgId};
use strongroom_web::body;
use strongroom_web::fields::{Fields, choice, string};
use strongroom_web::query::Params;

use crate::conditions::{tagged, write_headers};
use crate::error::ApiError;
use crate::openapi::bodies::CredentialChange as CredentialChangeSchema;
use crate::openapi::headers::EntityTag;
use crate::openapi::parameters::{Consistency, CredentialInPath, IfMatch, Organization};
use crate::openapi::responses::{
    BodyInvalid, BodyRefused, NoSuchCredential, OtherVersion, Refused, RegionsLate, Unwritten,
};
use crate::paths::CREDENTIAL;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;

/// Changes a credential's label, its secret, or both.
#[utoipa::path(
    patch, path = CREDENTIAL, operation_id = "updateCredential",
    params(CredentialInPath, Organization, Consistency, IfMatch),
    request_body(
        content = CredentialChangeSchema,
        example = json!({"extcred_label": "billing, new"}),
    ),
    responses(
        (status = 204, description = "The change is durable in the required regions.",
         headers(("ETag" = inline(EntityTag)))),
        BodyInvalid, Refused, NoSuchCredential, OtherVersion, RegionsLate, BodyRefused, Unwritten,
    ),
)]
pub(in crate::routes) async fn handle(
    authorized: Authorized,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    Params::none(request.query_string())?;
    let (consistency, if_match) = write_headers(request.headers())?;
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let Authorized {
        caller,
        vault,
        state,
    } = authorized;
    let body = body::read(&request, payload, &state).await?;
    let (mut change, mut errors) = parse(&body, caller.org(), id)?;
    change.if_match = if_match;
    if !errors.is_empty() {
        errors.extend(
            state
                .with_deadline(vault.change_errors(&caller, id, &change))
                .await?,
        );
        return Err(ApiError::invalid(errors));
    }
    let update = vault.update_credential(&caller, id, change, consistency.level());
    let etag = consistency.run(&state, &vault, &caller, update).await?;
    Ok(tagged(HttpResponse::NoContent(), etag).finish())
}

/// What a reveal or a list adds to a credential.
const ADDED: [&str; 5] = [
    "created_at",
    "updated_at",
    "etag",
    "last_used_at",
    "last_used_by",
];

/// The change, as far as the body could be read, and all errors.
fn parse(
    body: &[u8],
    org: OrgId,
    id: CredentialId,
) -> Result<(CredentialChange, Vec<FieldError>), ApiError> {
    let mut fields = Fields::parse(body)?;
    let value = fields.take_unless_null("extcred_label");
    let mut given = value.is_some();
    let label = fields.check(value, string("extcred_label", Label::parse));
    let value = fields.take("json_blob");
    given |= value.is_some();
    let whole = value.is_some();
    let blob = fields.check(value, JsonBlob::new);
    let value = fields.take("json_blob_merge");
    given |= value.is_some();
    if value.is_some() && whole {
        let message = "cannot be used together with json_blob";
        let error = FieldError::new("json_blob_merge", "conflict", message);
        fields.errors.push(error);
    }
    let merge = fields.check(value, MergePatch::new);
    // Clients may send back the whole answer to a reveal. What it adds to a credential is ignored,
    // and the fixed members must be unchanged.
    for added in ADDED {
        fields.take(added);
    }
    let value = fields.take("external_cred_id");
    let same = same("external_cred_id", CredentialId::parse, id);
    fields.check(value, string("external_cred_id", same));
    let value = fields.take("organization_id");
    let same = self::same("organization_id", OrgId::parse, org);
    fields.check(value, string("organization_id", same));
    let value = fields.take("extcred_provider");
    let read = choice("extcred_provider", Provider::parse, Provider::choices);
    let provider = fields.check(value, read);
    let value = fields.take("extcred_type");
    let read = choice(
        "extcred_type",
        CredentialType::parse,
        CredentialType::choices,
    );
    let kind = fields.check(value, read);
    if !given {
        let message = "must hold extcred_label, and json_blob or json_blob_merge, or one of them";
        fields
            .errors
            .push(FieldError::new("body", "required", message));
    }
    let change = CredentialChange {
        label,
        blob,
        merge,
        if_match: None,
        provider,
        kind,
    };
    Ok((change, fields.into_errors()))
}

fn same<T: PartialEq + std::fmt::Display>(
    field: &'static str,
    parse: fn(&str) -> Option<T>,
    current: T,
) -> impl FnOnce(&str) -> Result<(), FieldError> {
    move |text| {
        if parse(text).is_some_and(|given| given == current) {
            return Ok(());
        }
        let message = format!("cannot be changed, and is {current}");
        Err(FieldError::new(field, "immutable", message))
    }
}
