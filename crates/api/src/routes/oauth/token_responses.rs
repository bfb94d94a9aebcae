//! Failures of the token endpoints in the OpenAPI document.

use actix_web::http::StatusCode;
use strongroom_domain::VaultError;
use strongroom_web::body;
use strongroom_web::rate_limit::tokens::too_many_tokens;
use strongroom_web::settings::RequestSizes;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::{ContentBuilder, ResponseBuilder};

use crate::error::ApiError;
use crate::openapi::failure::example_of;
use crate::openapi::headers::{challenge, rate_limit_retry_after, retry_after};
use crate::openapi::responses::responses;
use crate::openapi::schemas::token_failure;
use crate::token_error::TokenError;

const FORM: &[&str] = &["duplicate", "incomplete_body", "body_timeout"];
const GRANT: &[&str] = &[
    "invalid_scope",
    "unsupported_grant_type",
    "duplicate",
    "incomplete_body",
    "body_timeout",
];

responses! {
    /// The form does not ask for a token that the client may have.
    GrantInvalid => [400 invalid(GRANT)];
    /// The form is wrong.
    FormInvalid => [400 invalid(FORM)];
    /// There is no client, and failures of any step.
    TokenRefused => [
        401 failure(
            "There are no valid id and secret of a client in `Authorization: Basic`, or something \
             else identifies a caller, too.",
            &[],
            &TokenError::invalid_client(),
        ).header("WWW-Authenticate", challenge()),
        429 failure(
            "`rate_limited`: the client has obtained too many tokens, or it or its organization \
             has exceeded its rate limit. `too_many_failures`: too many authentications from the \
             sender's address failed. Nothing was done.",
            &["too_many_failures"],
            &too_many_tokens(1).into(),
        ).header("Retry-After", rate_limit_retry_after()),
        500 failure(
            "A defect. The log has the details.",
            &["integrity_failure"],
            &TokenError(example_of(&VaultError::Internal(String::new()))),
        ),
        503 failure(
            "The service cannot answer now. With `outcome_unknown`, the request may or may not \
             have been executed; with any other code it was not.",
            &["outcome_unknown"],
            &TokenError(example_of(&VaultError::Unavailable(String::new()))),
        ).header("Retry-After", retry_after()),
    ];
    /// The body is refused before its content is read.
    FormRefused => [
        413 failure(
            "The body has more bytes than `max_body` allows, 65536 by default.",
            &[],
            &body::too_large(RequestSizes::default().body).into(),
        ),
    ];
}

fn invalid(more: &[&str]) -> ResponseBuilder {
    let error = ApiError::new(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "token is required",
    );
    failure(
        "The form is wrong, or its content type is not `application/x-www-form-urlencoded` in \
         UTF-8 without a `Content-Encoding`; nothing was changed.",
        more,
        &error.into(),
    )
}

/// A failure whose errors have the example's code or one of `more`.
fn failure(description: &str, more: &[&str], example: &TokenError) -> ResponseBuilder {
    let body = serde_json::to_value(example.body()).unwrap_or_default();
    let code = body["errors"][0]["code"].as_str().unwrap_or_default();
    let codes: Vec<_> = std::iter::once(code).chain(more.iter().copied()).collect();
    let codes = ExtensionsBuilder::new().add("x-error-codes", codes).build();
    let content = ContentBuilder::new()
        .schema(Some(token_failure()))
        .example(Some(body.clone()));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
        .extensions(Some(codes))
}
