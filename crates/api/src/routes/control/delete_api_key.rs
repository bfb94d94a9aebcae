use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use strongroom_domain::{FieldError, KeyId, VaultError};
use strongroom_web::query::Params;

use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{Consistency, Organization, in_path, parameters, query};
use crate::openapi::responses::{NoSuchObject, QueryInvalid, Refused, RegionsLate, Unwritten};
use crate::openapi::schemas::{text, uuid};
use crate::paths::API_KEY;
use crate::routes::slashid::authorized::Authorized;

/// The longest time after which a key can be scheduled to end.
const MAX_OVERLAP: TimeDelta = TimeDelta::days(365);

parameters! {
    /// The key's id in the path.
    KeyInPath => [in_path("key_id", uuid(), "The API key.")];
    /// The parameters of the query.
    Query => [query(
        "in",
        text().pattern(Some("^[0-9]{1,8}[smhd]$")),
        "Let the key end after this time, from 1s to 365d, such as `24h`; at once if absent.",
    )];
}

/// Revokes an API key of the organization, at once or after an overlap.
#[utoipa::path(
    delete, path = API_KEY, operation_id = "deleteApiKey",
    params(KeyInPath, Organization, Query, Consistency),
    responses(
        (status = 204, description = "The end of the key is durable in the required regions."),
        QueryInvalid, Refused, NoSuchObject, RegionsLate, Unwritten,
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
    let mut params = Params::parse(request.query_string());
    let overlap = params.read("in", parse_overlap, || {
        "a time from 1s to 365d, such as 90s, 24h or 7d".to_owned()
    });
    let id = KeyId::parse(request.match_info().get("key_id").unwrap_or_default());
    if id.is_none() {
        let error = FieldError::new("key_id", "invalid_value", "must be a UUID");
        params.errors.push(error);
    }
    params.finish()?;
    let Some(id) = id else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let level = consistency.level();
    let ended = async {
        match overlap {
            Some(overlap) => vault.schedule_key_end(&caller, id, overlap, level).await,
            None => vault.revoke_api_key(&caller, id, level).await,
        }
    };
    let ended = consistency.run(&state, &vault, &caller, ended).await;
    ended.map_err(|error| match error {
        VaultError::NotFound => ApiError::no_such("the organization has no such API key"),
        error => error.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse_overlap(text: &str) -> Option<TimeDelta> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = digits.parse().ok().filter(|_| is_number)?;
    let overlap = TimeDelta::try_seconds(count.checked_mul(seconds)?)?;
    (TimeDelta::seconds(1)..=MAX_OVERLAP)
        .contains(&overlap)
        .then_some(overlap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_from_a_second_to_a_year() {
        assert_eq!(parse_overlap("24h"), Some(TimeDelta::hours(24)));
        assert_eq!(parse_overlap("365d"), Some(MAX_OVERLAP));
        for wrong in [
            "",
            "h",
            "0s",
            "366d",
            "-1h",
            "+1h",
            "1.5h",
            "1w",
            "24",
            "99999999999999999d",
        ] {
            assert_eq!(parse_overlap(wrong), None, "{wrong}");
        }
    }
}
