use actix_web::HttpRequest;
use strongroom_domain::{CredentialId, FieldError};

/// The credential's id in the path.
pub(in crate::routes) fn credential_id(request: &HttpRequest) -> Result<CredentialId, FieldError> {
    let text = request.match_info().get("cred_id").unwrap_or_default();
    CredentialId::parse(text)
        .ok_or_else(|| FieldError::new("cred_id", "invalid_value", "must be a UUID"))
}
