use serde::Serialize;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use utoipa::ToSchema;

use crate::openapi::schemas;

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
    /// When it was last revealed or changed, to the microsecond; absent if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    last_used_at: Option<String>,
    /// The API key of that request; null for a caller without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::uuid_or_null, required = false)]
    last_used_by: Option<Option<KeyId>>,
}

impl<'a> CredentialBody<'a> {
    pub(super) fn of(info: &'a CredentialInfo) -> Self {
        Self {
            external_cred_id: info.id,
            organization_id: info.org,
            extcred_provider: info.provider,
            extcred_type: info.kind,
            extcred_label: info.label.as_str(),
            created_at: info.id.created_at().map(format_time),
            updated_at: format_time(info.updated_at),
            etag: info.etag.map(|etag| etag.to_string()),
            last_used_at: info.last_used.map(|last| format_time(last.at)),
            last_used_by: info.last_used.map(|last| last.by),
        }
    }
}
