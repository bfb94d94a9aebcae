use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::service::{Service, stop_signal};
use crate::{config, logging};

/// `strongroom serve`.
pub(super) fn run(args: &ServeArgs) -> Result<(), CommandError> {
    let (settings, logging) = config::serve(args)?;
    let _log = logging::start(logging);
    super::runtime()?.block_on(async {
        let stop = stop_signal()?;
        Service::start(settings)?.run_until(stop).await
    })
}
