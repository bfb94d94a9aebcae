use actix_web::HttpRequest;
use strongroom_domain::{CredentialId, FieldError};

use crate::error::ApiError;

/// The credential's id in the path.
pub(super) fn credential_id(request: &HttpRequest) -> Result<CredentialId, ApiError> {
    let text = request.match_info().get("cred_id").unwrap_or_default();
    CredentialId::parse(text).ok_or_else(|| {
        let error = FieldError::new("cred_id", "invalid_value", "must be a UUID");
        ApiError::invalid(vec![error])
    })
}
