use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode_str;
use strongroom_domain::FieldError;
use strongroom_web::query::Params;

use crate::conditions::if_none_match;
use crate::error::ApiError;
use crate::openapi::headers::{EntityTag, Expired, ReplicaLag};
use crate::openapi::parameters::{IfNoneMatch, Organization, in_path, parameters};
use crate::openapi::responses::{Ambiguous, NoSuchCredential, QueryInvalid, Refused, Unread};
use crate::openapi::schemas::plain_text;
use crate::paths::{CREDENTIAL_BY_LABEL, LABELS};
use crate::routes::slashid::authorized::Authorized;
use crate::routes::slashid::reveal_credential::{RevealedBody, answer};

parameters! {
    /// The label in the path.
    LabelInPath => [in_path(
        "label",
        plain_text().min_length(Some(1)),
        "The label: the rest of the path, which may contain `/`.",
    )];
}

/// Reveals the credential that has a label, as `revealCredential` does. In a region whose database
/// lags, the primary is asked before the answer is 404.
#[utoipa::path(
    get, path = CREDENTIAL_BY_LABEL, operation_id = "revealCredentialByLabel",
    params(LabelInPath, Organization, IfNoneMatch),
    responses(
        (status = 200, description = "The credential.", body = inline(RevealedBody),
         headers(
             ("SlashID-Replica-Lag" = inline(ReplicaLag)),
             ("ETag" = inline(EntityTag)),
             ("SlashID-Credential-Expired" = inline(Expired)),
         )),
        (status = 304, description = "The credential is of a version in `If-None-Match`.",
         headers(("SlashID-Replica-Lag" = inline(ReplicaLag)), ("ETag" = inline(EntityTag)))),
        QueryInvalid, Refused, NoSuchCredential, Ambiguous, Unread,
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
    let known = if_none_match(request.headers());
    let (label, known) = match (label(request.uri().path()), known) {
        (Ok(label), Ok(known)) => (label, known),
        (label, known) => {
            let errors = label.err().into_iter().chain(known.err());
            return Err(ApiError::invalid(errors.collect()));
        }
    };
    let stale = vault.stale();
    let reveal = vault.reveal_by_label(&caller, &label, known);
    answer(&state.with_deadline(reveal).await?, stale)
}

// Decoded here and once: a label may contain what looks like an escape.
fn label(path: &str) -> Result<String, FieldError> {
    let error = |code, message| FieldError::new("label", code, message);
    let rest = path.strip_prefix(LABELS).unwrap_or_default();
    let label = percent_decode_str(rest).decode_utf8();
    let label = label.map_err(|_| error("invalid_value", "must be UTF-8"))?;
    if label.is_empty() {
        return Err(error("invalid_value", "must not be empty"));
    }
    if label.chars().any(char::is_control) {
        let message = "must be free of control characters";
        return Err(error("invalid_value", message));
    }
    Ok(label.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_rest_of_the_path_decoded_once() {
        let label = |rest: &str| label(&format!("{LABELS}{rest}")).ok();
        assert_eq!(label("stripe/live").as_deref(), Some("stripe/live"));
        assert_eq!(label("stripe%2Flive").as_deref(), Some("stripe/live"));
        assert_eq!(label("100%2525").as_deref(), Some("100%25"));
        assert_eq!(label("caf%C3%A9+x").as_deref(), Some("café+x"));
        for bad in ["", "%ff", "a%00b", "a%0Ab"] {
            assert_eq!(label(bad), None, "{bad}");
        }
    }
}
