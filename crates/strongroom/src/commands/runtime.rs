use tokio::runtime::{Builder, Runtime};

use crate::error::CommandError;

/// The runtime of a command: one thread per core.
pub(super) fn runtime() -> Result<Runtime, CommandError> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::io("cannot start threads", &error))
}
