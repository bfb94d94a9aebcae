//! Responses that the operations of the Pieces API share.

use strongroom_domain::permission::Permission;
use strongroom_domain::replication::OperationId;
use strongroom_domain::{Denial, FieldError, VaultError};
use strongroom_web::body;
use strongroom_web::settings::RequestSizes;

use crate::error::ApiError;
use crate::openapi::headers;
use crate::openapi::limits::{BODY, too_many_plain};
use crate::openapi::plain_text::{plain, plain_failure};
use crate::openapi::responses::{NOT_JSON, responses};

responses! {
    /// All failures of the three operations.
    PlainRefused => [
        400 plain(
            "Each error with its field, joined by `; `, or that the body did not arrive in time. \
             Nothing was changed.",
            ApiError::invalid(vec![FieldError::new("user", "empty", "must not be empty")]),
        ),
        401 plain_failure(
            "There is no API key where one is required, or it is not valid.",
            &VaultError::Unauthorized,
        ),
        403 plain_failure(
            "The API key lacks the permission.",
            &VaultError::Forbidden(Denial::Permission(Permission::CredentialsWrite)),
        ),
        408 plain(
            "The write is committed and continues to replicate, but some regions did not have it \
             in time.",
            ApiError::replication_timeouts(OperationId(uuid::Uuid::nil()), vec!["us".to_owned()]),
        ).header("SlashID-Operation-ID", headers::operation()),
        413 plain(BODY, body::too_large(RequestSizes::default().body)),
        415 plain(NOT_JSON, body::unsupported(body::NOT_JSON)),
        429 too_many_plain(),
        500 plain_failure(
            "A defect, or a stored value that cannot be opened.",
            &VaultError::Internal(String::new()),
        ),
        503 plain_failure(
            "The service cannot answer now. The text says whether nothing was changed or the \
             outcome is unknown.",
            &VaultError::Unavailable(String::new()),
        ).header("Retry-After", headers::retry_after()),
    ];
}
