use actix_web::{HttpRequest, HttpResponse, web};
use strongroom_domain::blob::{JsonBlob, MergePatch};
use strongroom_domain::credential::CredentialChange;
use strongroom_domain::expiry::ExpiryChange;
use strongroom_domain::history::Stage;
use strongroom_domain::json::value::{Kind, Value};
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::{CredentialId, FieldError, OrgId};
use strongroom_web::body;
use strongroom_web::fields::{Fields, choice, string};
use strongroom_web::query::Params;

use crate::conditions::{tagged, write_headers};
use crate::error::ApiError;
use crate::headers::VALUE_VERSION;
use crate::openapi::bodies::CredentialChange as CredentialChangeSchema;
use crate::openapi::headers::{EntityTag, ValueVersion};
use crate::openapi::parameters::{
    Consistency, CredentialInPath, IfMatch, Organization, parameters, query,
};
use crate::openapi::responses::{
    BodyInvalid, BodyRefused, CredentialConflicts, NoSuchCredential, OtherVersion, Refused,
    RegionsLate, Unwritten,
};
use crate::openapi::schemas::one_of;
use crate::paths::CREDENTIAL;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_id::credential_id;
use crate::times;

parameters! {
    /// The parameters of the query.
    Query => [query(
        "stage",
        one_of([Stage::Pending.as_str()]),
        "Store the secret as the pending value, and leave the current one alone.",
    )];
}

/// Changes a credential's label, its secret, its expiry, or several of them.
#[utoipa::path(
    patch, path = CREDENTIAL, operation_id = "updateCredential",
    params(CredentialInPath, Organization, Query, Consistency, IfMatch),
    request_body(
        content = CredentialChangeSchema,
        example = json!({"extcred_label": "billing, new"}),
    ),
    responses(
        (status = 204, description = "The change is durable in the required regions.",
         headers(("ETag" = inline(EntityTag)), ("SlashID-Value-Version" = inline(ValueVersion)))),
        BodyInvalid, Refused, NoSuchCredential, CredentialConflicts, OtherVersion, RegionsLate,
        BodyRefused, Unwritten,
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
    let staged = parse_query(request.query_string())?;
    let (consistency, if_match) = write_headers(request.headers())?;
    let id = credential_id(&request).map_err(|error| ApiError::invalid(vec![error]))?;
    let body = body::read(&request, payload, &state).await?;
    let (mut change, mut errors) = parse(&body, caller.org(), id)?;
    change.if_match = if_match;
    if staged {
        errors.extend(not_for_stage(&change));
    }
    if !errors.is_empty() {
        errors.extend(
            state
                .with_deadline(vault.change_errors(&caller, id, &change))
                .await?,
        );
        return Err(ApiError::invalid(errors));
    }
    let level = consistency.level();
    if staged {
        let stage = vault.stage_credential(&caller, id, change, level);
        let staged = consistency.run(&state, &vault, &caller, stage).await?;
        let mut response = tagged(HttpResponse::NoContent(), staged.etag);
        response.insert_header((VALUE_VERSION, staged.value_version.to_string()));
        return Ok(response.finish());
    }
    let update = vault.update_credential(&caller, id, change, level);
    let etag = consistency.run(&state, &vault, &caller, update).await?;
    Ok(tagged(HttpResponse::NoContent(), etag).finish())
}

/// Whether the secret becomes the pending value.
fn parse_query(query: &str) -> Result<bool, ApiError> {
    let mut params = Params::parse(query);
    let pending = |text: &str| (text == Stage::Pending.as_str()).then_some(());
    let staged = params.read("stage", pending, || Stage::Pending.as_str().to_owned());
    params.finish()?;
    Ok(staged.is_some())
}

/// What cannot be staged.
fn not_for_stage(change: &CredentialChange) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if change.label.is_some() {
        let message = "cannot be changed together with stage=pending, which is about the secret";
        errors.push(FieldError::new("extcred_label", "conflict", message));
    }
    if change.blob.is_none() && change.merge.is_none() {
        let message = "must hold json_blob or json_blob_merge, with stage=pending";
        errors.push(FieldError::new("body", "required", message));
    }
    errors
}

/// What a reveal or a list adds to a credential.
const ADDED: [&str; 7] = [
    "value_version",
    "expires_source",
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
    let value = fields.take("expires_at");
    given |= value.is_some();
    let expiry = fields.check(value, expiry_change);
    take_answered(&mut fields, org, id);
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
        let message = "must hold extcred_label, json_blob, json_blob_merge or expires_at";
        fields
            .errors
            .push(FieldError::new("body", "required", message));
    }
    let change = CredentialChange {
        label,
        blob,
        merge,
        expiry,
        if_match: None,
        provider,
        kind,
    };
    Ok((change, fields.into_errors()))
}

// Clients may send back the whole answer to a reveal. What it adds to a credential is ignored, and
// the ids must be unchanged.
fn take_answered(fields: &mut Fields<'_>, org: OrgId, id: CredentialId) {
    for added in ADDED {
        fields.take(added);
    }
    let value = fields.take("external_cred_id");
    let same_id = same("external_cred_id", CredentialId::parse, id);
    fields.check(value, string("external_cred_id", same_id));
    let value = fields.take("organization_id");
    let same_org = same("organization_id", OrgId::parse, org);
    fields.check(value, string("organization_id", same_org));
}

// Null is for what the secret itself says.
fn expiry_change(value: Value<'_>) -> Result<ExpiryChange, FieldError> {
    match value.kind() {
        Kind::Null => Ok(ExpiryChange::Derive),
        _ => string("expires_at", times::expires_at)(value).map(ExpiryChange::At),
    }
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
