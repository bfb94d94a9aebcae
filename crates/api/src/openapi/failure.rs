//! Failures in the envelope. Their examples are made by the code that makes the responses.

use strongroom_domain::VaultError;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::{ContentBuilder, Response, ResponseBuilder};

use crate::error::ApiError;
use crate::openapi::schemas;
use crate::public_error::public;

/// Where a response holds its name until it is moved to the components.
const NAME: &str = "x-component";
/// The codes that the errors of a response may have.
const CODES: &str = "x-error-codes";

/// Gives `response` a name, under which operations share it.
pub(crate) fn named(name: &str, mut response: Response) -> Response {
    let extensions = response.extensions.get_or_insert_default();
    extensions.insert(NAME.to_owned(), name.into());
    response
}

/// Removes and returns the name of a response that has one.
pub(super) fn take_name(response: &mut Response) -> Option<String> {
    let name = response.extensions.as_mut()?.remove(NAME)?;
    response.extensions.take_if(|left| left.is_empty());
    name.as_str().map(str::to_owned)
}

/// A failure whose errors have the example's code or one of `more`.
pub(crate) fn failure(description: &str, more: &[&str], example: &ApiError) -> ResponseBuilder {
    let body = serde_json::to_value(example.envelope()).unwrap_or_default();
    let code = body["errors"][0]["code"].as_str().unwrap_or_default();
    let others = more.iter().copied().filter(|other| *other != code);
    let codes: Vec<_> = std::iter::once(code).chain(others).collect();
    let codes = ExtensionsBuilder::new().add(CODES, codes).build();
    let content = ContentBuilder::new()
        .schema(Some(schemas::failure()))
        .example(Some(body.clone()));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build())
        .extensions(Some(codes))
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
pub(crate) fn example_of(error: &VaultError) -> ApiError {
    let (status, code, message) = public(error);
    ApiError::new(status, code, message)
}
