//! What changes of a credential's values have in common.

use actix_web::HttpRequest;
use strongroom_domain::{FieldError, VersionWrite};
use strongroom_web::query::whole_number;

use crate::conditions::write_headers;
use crate::consistency::WriteConsistency;
use crate::error::ApiError;
use crate::openapi::parameters::{in_path, parameters};
use crate::openapi::schemas::whole;
use crate::routes::slashid::credential_id::credential_id;

parameters! {
    /// The version of a value in the path.
    VersionInPath => [in_path("value_version", whole(1, i64::MAX), "The version of the value.")];
}

/// Reads the headers and the path of such a change.
///
/// # Errors
/// 400 with all errors.
pub(super) fn parse(request: &HttpRequest) -> Result<(WriteConsistency, VersionWrite), ApiError> {
    let (consistency, if_match) = write_headers(request.headers())?;
    let text = request
        .match_info()
        .get("value_version")
        .unwrap_or_default();
    let number = whole_number(text).filter(|number| *number > 0);
    let number = number.ok_or_else(|| {
        FieldError::new(
            "value_version",
            "invalid_value",
            "must be a positive number",
        )
    });
    match (credential_id(request), number) {
        (Ok(id), Ok(value_version)) => {
            let write = VersionWrite {
                id,
                value_version,
                if_match,
            };
            Ok((consistency, write))
        }
        (id, number) => {
            let errors = id.err().into_iter().chain(number.err());
            Err(ApiError::invalid(errors.collect()))
        }
    }
}
