use serde::Serialize;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::expiry::ExpirySource;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::openapi::components::named;
use crate::openapi::schemas::{self, one_of};

/// A credential without its secret, as responses contain it.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialBody<'a> {
    #[schema(schema_with = schemas::uuid)]
    external_cred_id: CredentialId,
    #[schema(schema_with = schemas::uuid)]
    organization_id: OrgId,
    #[schema(schema_with = schemas::provider)]
    extcred_provider: Provider,
    #[schema(schema_with = schemas::credential_type)]
    extcred_type: CredentialType,
    /// Empty if it was never set.
    extcred_label: &'a str,
    /// How often its secret was set: 1 at creation, one more for each other `json_blob`. A change
    /// of the label alone, a rotation, and the same value in another notation do not count.
    #[schema(minimum = 1)]
    value_version: i64,
    /// When it expires; absent if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    expires_at: Option<String>,
    /// What says so: the caller, an access token that is a JSON Web Token, or a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = expiry_source, required = false)]
    expires_source: Option<ExpirySource>,
    /// When it was created, to the millisecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    created_at: Option<String>,
    /// When its label or secret was last changed, to the microsecond.
    #[schema(schema_with = schemas::time)]
    updated_at: String,
    /// Its entity tag, for `If-Match` and `If-None-Match`. A list may lack that of a large
    /// credential which was restored, or last changed before version 17 of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::entity_tag, required = false)]
    etag: Option<String>,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    deleted_at: Option<String>,
    /// Until when it can be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    recover_until: Option<String>,
    /// When it was last revealed or changed, to the microsecond; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    last_used_at: Option<String>,
    /// The API key of that request; null for a caller without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::uuid_or_null, required = false)]
    last_used_by: Option<Option<KeyId>>,
}

pub(in crate::routes) fn expiry_source() -> RefOr<Schema> {
    let names = ExpirySource::ALL.iter().map(|source| source.as_str());
    named("ExpirySource", one_of(names))
}

impl<'a> CredentialBody<'a> {
    pub(super) fn of(info: &'a CredentialInfo) -> Self {
        Self {
            external_cred_id: info.id,
            organization_id: info.org,
            extcred_provider: info.provider,
            extcred_type: info.kind,
            extcred_label: info.label.as_str(),
            value_version: info.value_version,
            expires_at: info.expiry.map(|expiry| format_time(expiry.at)),
            expires_source: info.expiry.map(|expiry| expiry.source),
            created_at: info.id.created_at().map(format_time),
            updated_at: format_time(info.updated_at),
            etag: info.etag.map(|etag| etag.to_string()),
            deleted_at: info.deletion.map(|deletion| format_time(deletion.at)),
            recover_until: info
                .deletion
                .map(|deletion| format_time(deletion.recover_until)),
            last_used_at: info.last_used.map(|last| format_time(last.at)),
            last_used_by: info.last_used.map(|last| last.by),
        }
    }
}
