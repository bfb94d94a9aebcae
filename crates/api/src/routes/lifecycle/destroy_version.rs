use actix_web::{HttpRequest, HttpResponse};
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::conditions::tagged;
use crate::error::ApiError;
use crate::openapi::headers::EntityTag;
use crate::openapi::parameters::{
    Consistency, CredentialInPath, IfMatch, Organization, parameters, query,
};
use crate::openapi::responses::{
    CredentialConflicts, NoSuchValue, OtherVersion, QueryInvalid, Refused, RegionsLate, Unwritten,
};
use crate::paths::VERSION_DESTROY;
use crate::routes::lifecycle::version_write::{VersionInPath, parse};
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::delete_credentials::{bool_choices, parse_bool};

parameters! {
    /// The parameters of the query.
    Query => [query(
        "require_adopted",
        ObjectBuilder::new().schema_type(Type::Boolean),
        "Refuse while a reader has not read the current value.",
    )];
}

/// Destroys a value that is not the current one: only its number is left.
#[utoipa::path(
    post, path = VERSION_DESTROY, operation_id = "destroyCredentialVersion",
    params(CredentialInPath, VersionInPath, Organization, Query, Consistency, IfMatch),
    responses(
        (status = 204, description = "The change is durable in the required regions.",
         headers(("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchValue, CredentialConflicts, OtherVersion, RegionsLate,
        Unwritten,
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
    let mut params = Params::parse(request.query_string());
    let adopted = params.read("require_adopted", parse_bool, bool_choices);
    params.finish()?;
    let (consistency, write) = parse(&request)?;
    let adopted = adopted == Some(true);
    let destroy = vault.destroy_version(&caller, write, adopted, consistency.level());
    let etag = consistency.run(&state, &vault, &caller, destroy).await?;
    Ok(tagged(HttpResponse::NoContent(), etag).finish())
}
