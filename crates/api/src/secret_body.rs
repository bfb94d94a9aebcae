//! Response bodies that hold a secret.

use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use strongroom_domain::VaultError;
use zeroize::Zeroizing;

/// Space for everything in a response but its secret.
const OTHER_MEMBERS: usize = 4096;

/// Ends `response` with `value` as its JSON body, which is wiped when the response is dropped.
/// `secret` is the size of the secret in bytes.
///
/// # Errors
/// [`VaultError::Internal`] if `value` cannot be serialized.
pub(crate) fn json(
    mut response: HttpResponseBuilder,
    value: &impl Serialize,
    secret: usize,
) -> Result<HttpResponse, VaultError> {
    // A growing vector would leave copies of the secret in freed memory.
    let mut body = Zeroizing::new(Vec::with_capacity(secret + OTHER_MEMBERS));
    serde_json::to_writer(&mut *body, value)
        .map_err(|error| VaultError::Internal(error.to_string()))?;
    response.insert_header(ContentType::json());
    Ok(response.body(Bytes::from_owner(body)))
}
