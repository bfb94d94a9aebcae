use std::sync::Arc;

use strongroom_domain::health::counters::Counters;

use super::runtime::runtime;
use crate::error::CommandError;
use crate::hangup::Hangup;
use crate::logging;
use crate::process_memory;
use crate::service::Service;
use crate::service::stop_signal::stop_signal;
use crate::settings::args::ServeArgs;
use crate::settings::serve::ServeSettings;
use crate::traces::Traces;

/// `strongroom serve`.
pub(super) fn run(args: &ServeArgs) -> Result<(), CommandError> {
    let (settings, logging) = ServeSettings::read(args)?;
    let counters = Arc::<Counters>::default();
    // Created before the runtime, hence dropped after it: when the last request has ended.
    let traces = settings.traces.as_ref();
    let traces = traces.map(|settings| Traces::start(settings, counters.clone()));
    let traces = traces.transpose()?;
    let _log = logging::start(logging, traces.as_ref());
    process_memory::lock();
    runtime()?.block_on(async {
        let stop = stop_signal()?;
        // From now on SIGHUP does not end the process, also before the files can be read again.
        let _hangup = Hangup::new();
        Service::start(settings, counters)?.run_until(stop).await
    })
}
