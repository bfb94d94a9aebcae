use crate::cli::OpenapiArgs;
use crate::error::CommandError;
use crate::output;

/// `strongroom openapi`, whose output is JSON in any case.
pub(super) fn run(_: &OpenapiArgs) -> Result<(), CommandError> {
    let document =
        strongroom_api::openapi().map_err(|error| CommandError::Failed(error.to_string()))?;
    output::line(&document);
    Ok(())
}
