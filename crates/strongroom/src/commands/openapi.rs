use crate::error::CommandError;
use crate::output;

/// `strongroom openapi`.
pub(super) fn run() -> Result<(), CommandError> {
    let document =
        strongroom_api::openapi().map_err(|error| CommandError::Failed(error.to_string()))?;
    output::line(&document);
    Ok(())
}
