use actix_web::{HttpRequest, HttpResponse};
use strongroom_domain::{CredentialId, DeleteRequest, FieldError};
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::conditions::write_headers;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, IfMatch, Organization, parameters, query};
use crate::openapi::responses::{OtherVersion, QueryInvalid, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::uuid;
use crate::paths::CREDENTIALS;
use crate::routes::slashid::authorized::Authorized;

parameters! {
    /// The parameters of the query.
    Query => [
        query("credentialId", uuid(), "The credential. Required, unless `deleteAll=true`."),
        query(
            "deleteAll",
            ObjectBuilder::new().schema_type(Type::Boolean),
            "Delete all credentials of the organization. Ignored if `credentialId` is sent.",
        ),
        query(
            "purge",
            ObjectBuilder::new().schema_type(Type::Boolean),
            "End the recovery window at once, also of credentials that were deleted before: they \
             cannot be restored.",
        ),
    ];
}

/// Deletes a credential, or all of them. An unknown credential is not an error. For the
/// organization's `recovery_days`, a deleted one can be restored.
#[utoipa::path(
    delete, path = CREDENTIALS, operation_id = "deleteCredentials",
    params(Organization, Query, Consistency, IfMatch),
    responses(
        (status = 204, description = "The deletion is durable in the required regions."),
        QueryInvalid, Refused, OtherVersion, RegionsLate, Unwritten,
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
    let (consistency, if_match) = write_headers(request.headers())?;
    let (target, purge) = parse(request.query_string())?;
    if if_match.is_some() && target == Target::All {
        let message = "cannot be used with deleteAll, which is about no version";
        let error = FieldError::new("If-Match", "conflict", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let level = consistency.level();
    let delete = async {
        match target {
            Target::One(id) => {
                let request = DeleteRequest { if_match, purge };
                vault.delete_credential(&caller, id, request, level).await
            }
            Target::All => vault.delete_all_credentials(&caller, purge, level).await,
        }
    };
    consistency.run(&state, &vault, &caller, delete).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Debug, PartialEq, Eq)]
enum Target {
    One(CredentialId),
    All,
}

fn parse(query: &str) -> Result<(Target, bool), ApiError> {
    let mut params = Params::parse(query);
    let id = params.read("credentialId", CredentialId::parse, || "a UUID".to_owned());
    let all = params.read("deleteAll", parse_bool, bool_choices);
    let purge = params.read("purge", parse_bool, bool_choices);
    if id.is_none() && all != Some(true) && params.errors.is_empty() {
        let message = "is required, unless deleteAll=true";
        params
            .errors
            .push(FieldError::new("credentialId", "required", message));
    }
    params.finish()?;
    let target = id.map_or(Target::All, Target::One);
    Ok((target, purge == Some(true)))
}

pub(in crate::routes) fn bool_choices() -> String {
    "true or false".to_owned()
}

pub(in crate::routes) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a1b2-0000-7000-8000-0123456789ab";

    #[test]
    fn an_id_takes_precedence_over_delete_all() {
        let one = Some((Target::One(CredentialId::parse(ID).unwrap()), false));
        assert_eq!(parse(&format!("credentialId={ID}")).ok(), one);
        assert_eq!(
            parse(&format!("deleteAll=true&credentialId={ID}")).ok(),
            one
        );
        assert_eq!(parse("deleteAll=true").ok(), Some((Target::All, false)));
        let purged = parse("deleteAll=true&purge=true").ok();
        assert_eq!(purged, Some((Target::All, true)));
    }

    #[test]
    fn nothing_is_deleted_by_accident() {
        for query in [
            "",
            "deleteAll=false",
            "purge=true",
            "deleteAll=true&purge=1",
            "deleteAll=",
            "deleteAll",
            "deleteAll=TRUE",
            "deleteAll=1",
            "deleteAll=true&deleteAll=false",
            "deleteall=true",
            "credentialId=",
            "credentialId=x&deleteAll=true",
            "credentialId=&deleteAll=true",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
