use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use strongroom_domain::VersionInfo;
use strongroom_domain::audit::stored::format_time;
use strongroom_domain::expiry::ExpirySource;
use strongroom_domain::history::Stage;
use strongroom_web::query::Params;
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::openapi::components::named;
use crate::openapi::headers::ReplicaLag;
use crate::openapi::parameters::{CredentialInPath, Organization};
use crate::openapi::responses::{NoSuchCredential, QueryInvalid, Refused, Unread};
use crate::openapi::schemas::{self, list, one_of, schemas};
use crate::paths::VERSIONS;
use crate::replica_lag;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::credential_body::expiry_source;
use crate::routes::slashid::credential_id::credential_id;

schemas! {
    /// The values of a credential.
    Versions => list(
        "CredentialVersionList",
        named("CredentialVersion", <Version as utoipa::PartialSchema>::schema()),
    );
}

/// Lists the values of a credential, the newest first, without their secrets.
#[utoipa::path(
    get, path = VERSIONS, operation_id = "listCredentialVersions",
    params(CredentialInPath, Organization),
    responses(
        (status = 200, description = "The values.", body = inline(Versions),
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)))),
        QueryInvalid, Refused, NoSuchCredential, Unread,
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
    let versions = state.with_deadline(vault.versions(&caller, id)).await?;
    let versions: Vec<_> = versions.iter().map(Version::of).collect();
    Ok(replica_lag::ok(stale).json(Envelope::success(versions)))
}

/// A value of a credential, as responses contain it.
#[derive(Serialize, ToSchema)]
struct Version {
    #[schema(minimum = 1)]
    value_version: i64,
    /// Null for a value before the previous one, and for a destroyed one.
    #[schema(schema_with = stage, required = true)]
    stage: Option<&'static str>,
    /// Since when it has this stage; absent for the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    staged_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = expiry_source, required = false)]
    expires_source: Option<ExpirySource>,
    /// When its secret was destroyed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::time, required = false)]
    destroyed_at: Option<String>,
}

fn stage() -> ObjectBuilder {
    let names = ["current", Stage::Previous.as_str(), Stage::Pending.as_str()];
    let names = names.into_iter().map(serde_json::Value::from);
    one_of(["current"])
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(names.chain([serde_json::Value::Null])))
}

impl Version {
    fn of(version: &VersionInfo) -> Self {
        Self {
            value_version: version.value_version,
            stage: match version.is_current {
                true => Some("current"),
                false => version.stage.map(Stage::as_str),
            },
            staged_at: version.staged_at.map(format_time),
            expires_at: version.expiry.map(|expiry| format_time(expiry.at)),
            expires_source: version.expiry.map(|expiry| expiry.source),
            destroyed_at: version.destroyed_at.map(format_time),
        }
    }
}
