//! `strongroom dev`: everything on one machine, in one folder.

mod cluster;
mod folder;
mod greeting;
mod prepare;
mod regions;
mod servers;
mod supervised;

use futures_util::future::join_all;

use self::cluster::PrivateCluster;
use self::folder::DevFolder;
use self::regions::Region;
use self::servers::{STOP_TIMEOUT, Servers};
use self::supervised::Supervised;
use super::runtime::runtime;
use crate::cli::DevArgs;
use crate::error::CommandError;
use crate::logging::{LogFormat, Logging};
use crate::service::stop_signal::stop_signal_or_hangup;
use crate::{logging, output};

/// Runs until a signal; then stops the servers, and PostgreSQL after them.
pub(super) fn run(args: &DevArgs) -> Result<(), CommandError> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(CommandError::Usage(format!(
            "{} can be reached from other machines; --allow-remote allows that",
            args.listen.ip()
        )));
    }
    let _log = logging::start(
        Logging {
            format: LogFormat::Auto,
            level: tracing::Level::INFO,
        },
        None,
    );
    // Unlocked after the runtime is dropped, which waits for a restart of PostgreSQL in progress.
    let folder = DevFolder::open(args.data.as_deref())?;
    let runtime = runtime()?;
    // Before PostgreSQL starts, so that a signal at any time stops both.
    let stop = runtime.block_on(async { stop_signal_or_hangup() })?;
    let mut cluster = PrivateCluster::start(&folder)?;
    let mut regions = Vec::new();
    let served = runtime.block_on(serve(args, &folder, &mut cluster, &mut regions, stop));
    let standbys = regions.into_iter().map(|region| region.standby);
    served.and(stop_all(std::iter::once(cluster.server).chain(standbys)))
}

async fn serve(
    args: &DevArgs,
    folder: &DevFolder,
    cluster: &mut PrivateCluster,
    regions: &mut Vec<Region>,
    stop: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    tokio::pin!(stop);
    let prepared = async {
        let prepared = prepare::prepare(folder, cluster).await?;
        *regions = regions::start(folder, cluster, args.regions).await?;
        Ok::<_, CommandError>(prepared)
    };
    let prepared = tokio::select! {
        prepared = prepared => prepared?,
        () = &mut stop => return Ok(()),
    };
    let mut servers = Servers::start(args, &prepared, regions)?;
    regions::remember(folder, regions)?;
    tokio::select! {
        ready = servers.ready() => ready?,
        () = &mut stop => return servers.run_until(std::future::ready(())).await,
    }
    let instance = greeting::Instance::new(&servers, folder, cluster, &prepared.demo, regions);
    if args.json {
        output::answer(true, &instance, "");
    } else {
        output::line(&instance.greeting(folder.path()));
    }
    let mut failure = None;
    let has_regions = !regions.is_empty();
    let standbys = regions.iter_mut();
    let standbys = join_all(standbys.map(|region| region.standby.keep_trying()));
    servers
        .run_until(async {
            tokio::select! {
                () = stop => {}
                error = cluster.server.keep_running() => failure = Some(error),
                // Never completes when there are standbys, and is disabled when there are none.
                _ = standbys, if has_regions => {}
            }
        })
        .await?;
    failure.map_or(Ok(()), Err)
}

// Concurrently, since each may take the whole timeout.
fn stop_all(all: impl Iterator<Item = Supervised>) -> Result<(), CommandError> {
    std::thread::scope(|scope| {
        let stopping: Vec<_> = all
            .map(|server| scope.spawn(|| server.stop(STOP_TIMEOUT)))
            .collect();
        stopping
            .into_iter()
            .try_for_each(|stopped| match stopped.join() {
                Ok(stopped) => stopped,
                Err(_) => Err(CommandError::Failed("PostgreSQL was not stopped".into())),
            })
    })
}
