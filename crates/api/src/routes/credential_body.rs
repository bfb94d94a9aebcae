use serde::Serialize;
use strongroom_domain::audit::stored::shown_time;
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::{CredentialId, KeyId, OrgId};
use utoipa::ToSchema;

use crate::document;

/// A credential on the wire, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct CredentialBody<'a> {
    #[schema(schema_with = document::uuid)]
    external_cred_id: CredentialId,
    #[schema(schema_with = document::uuid)]
    organization_id: OrgId,
    #[schema(schema_with = document::provider)]
    extcred_provider: Provider,
    #[schema(schema_with = document::credential_type)]
    extcred_type: CredentialType,
    /// Empty when it was never set.
    extcred_label: &'a str,
    /// When it was last revealed or changed, to the microsecond; not there when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = document::time, required = false)]
    last_used_at: Option<String>,
    /// The API key that did so; null for a caller without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = document::uuid_or_null, required = false)]
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
            last_used_at: info.last_used.map(|last| shown_time(last.at)),
            last_used_by: info.last_used.map(|last| last.by),
        }
    }
}
