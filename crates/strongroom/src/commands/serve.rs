use std::sync::Arc;

use strongroom_domain::counters::Counters;

use crate::cli::ServeArgs;
use crate::error::CommandError;
use crate::service::{Service, stop_signal};
use crate::traces::Traces;
use crate::{logging, settings};

/// `strongroom serve`.
pub(super) fn run(args: &ServeArgs) -> Result<(), CommandError> {
    let (settings, logging) = settings::serve(args)?;
    let counters = Arc::<Counters>::default();
    // Before the runtime: dropped after it, when the last request has ended.
    let traces = settings.traces.as_ref();
    let traces = traces.map(|settings| Traces::start(settings, counters.clone()));
    let traces = traces.transpose()?;
    let _log = logging::start(logging, traces.as_ref());
    super::runtime()?.block_on(async {
        let stop = stop_signal()?;
        Service::start(settings, counters)?.run_until(stop).await
    })
}
