use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use strongroom_domain::FieldError;
use strongroom_domain::organization::DEFAULT_GRACE;
use strongroom_web::query::Params;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization, parameters, query};
use crate::openapi::responses::{Conflicts, QueryInvalid, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::time;
use crate::paths::ORGANIZATIONS;
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::delete_credentials::parse_bool;
use crate::times;

parameters! {
    /// The parameters of the query.
    Query => [
        query(
            "delete_suborganizations",
            ObjectBuilder::new().schema_type(Type::Boolean),
            "Delete all descendants too.",
        ),
        query(
            "confirmation_timestamp",
            time(),
            "With `delete_suborganizations=true`: a time that lies 10 to 60 seconds in the past.",
        ),
    ];
}

/// The time for the deletion of a subtree. It has a transaction per organization, and an
/// interrupted one is completed by a repetition.
const SUBTREE_LIMIT: Duration = Duration::from_secs(300);

/// Deletes the organization, which its ancestors can restore for 7 days. Only a key of an ancestor
/// may do this.
#[utoipa::path(
    delete, path = ORGANIZATIONS, operation_id = "deleteOrganization",
    params(Organization, Query, Consistency),
    responses(
        (status = 204, description = "The deletion is durable in the required regions."),
        QueryInvalid, Refused, Conflicts, RegionsLate, Unwritten,
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
    let consistency = WriteConsistency::read(request.headers()).map_err(ApiError::invalid)?;
    let (subtree, confirmed_at) = parse(request.query_string())?;
    if subtree {
        vault.check_confirmation(confirmed_at)?;
    }
    let level = consistency.level();
    let deleted = vault.delete_organization(&caller, DEFAULT_GRACE, subtree, level);
    match subtree {
        true => {
            let limit = SUBTREE_LIMIT.max(state.settings.request_timeout);
            consistency
                .run_within(limit, &vault, &caller, deleted)
                .await?;
        }
        false => consistency.run(&state, &vault, &caller, deleted).await?,
    }
    Ok(HttpResponse::NoContent().finish())
}

fn parse(query: &str) -> Result<(bool, Option<DateTime<Utc>>), ApiError> {
    let mut params = Params::parse(query);
    let subtree = params.read("delete_suborganizations", parse_bool, || {
        "true or false".to_owned()
    });
    let confirmed_at = params.read(
        "confirmation_timestamp",
        times::in_query,
        times::must_be_time,
    );
    let subtree = subtree == Some(true);
    if subtree && confirmed_at.is_none() && params.errors.is_empty() {
        let message = "is required with delete_suborganizations=true";
        let error = FieldError::new("confirmation_timestamp", "required", message);
        params.errors.push(error);
    }
    params.finish()?;
    Ok((subtree, confirmed_at))
}
