//! Failures in the envelope. Their examples are made by the code that makes the responses.

use actix_web::http::StatusCode;
use strongroom_domain::VaultError;
use utoipa::openapi::{ArrayBuilder, ContentBuilder, ObjectBuilder, Response, ResponseBuilder};

use crate::error::{ApiError, public};
use crate::openapi::schemas::{any_object, object, one_of, optional, required, text, whole};

/// Where a response holds its name until it is moved to the components.
const NAME: &str = "x-component";

/// Gives `response` a name, under which operations share it.
pub(crate) fn named(name: &str, mut response: Response) -> Response {
    let extensions = response.extensions.get_or_insert_default();
    extensions.insert(NAME.to_owned(), name.into());
    response
}

/// Removes and returns the name of a response that has one.
pub(super) fn take_name(response: &mut Response) -> Option<String> {
    let name = response.extensions.as_mut()?.remove(NAME)?;
    response.extensions = None;
    name.as_str().map(str::to_owned)
}

/// A failure whose errors have the example's code or one of `more`.
pub(crate) fn failure(description: &str, more: &[&str], example: &ApiError) -> ResponseBuilder {
    let body = serde_json::to_value(example.envelope()).unwrap_or_default();
    let code = body["errors"][0]["code"].as_str().unwrap_or_default();
    let others = more.iter().copied().filter(|other| *other != code);
    let codes = one_of(std::iter::once(code).chain(others));
    let content = ContentBuilder::new()
        .schema(Some(failure_schema(example.status(), codes)))
        .example(Some(body.clone()));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
}

/// A failure whose example is the response to `error`.
pub(super) fn vault_failure(
    description: &str,
    more: &[&str],
    error: &VaultError,
) -> ResponseBuilder {
    failure(description, more, &example_of(error))
}

/// The response to `error`.
pub(super) fn example_of(error: &VaultError) -> ApiError {
    let (status, code, message) = public(error);
    ApiError::new(status, code, message)
}

fn failure_schema(status: StatusCode, code: ObjectBuilder) -> ObjectBuilder {
    let status = i64::from(status.as_u16());
    let message = text().description(Some("For people; it may change."));
    let field = text().description(Some("The field that is wrong, if it is one."));
    let regions = ArrayBuilder::new()
        .items(text())
        .description(Some("The regions that did not have the write in time."));
    let error = object([
        ("httpcode", required(whole(status, status))),
        ("message", required(message)),
        ("code", required(code)),
        ("field", optional(field)),
        ("regions", optional(regions)),
    ]);
    let errors = ArrayBuilder::new().items(error).min_items(Some(1));
    object([
        ("meta", required(any_object())),
        ("errors", required(errors)),
    ])
}
