//! `strongroom dev`: everything on one machine, kept in one folder.

mod cluster;
mod folder;
mod greeting;
mod prepare;
mod regions;
mod servers;
mod supervised;

use std::time::Duration;

use futures_util::future::join_all;

use crate::cli::DevArgs;
use crate::error::CommandError;
use crate::logging::{LogFormat, Logging};
use crate::service::stop_signal;
use crate::{logging, output};
use cluster::PrivateCluster;
use folder::DevFolder;
use regions::Region;
use servers::Servers;
use supervised::Supervised;

/// Longest time that requests under way may take once we are told to stop; PostgreSQL then gets as long.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Runs until a signal, then stops the servers first and PostgreSQL after them.
pub(super) fn run(args: &DevArgs) -> Result<(), CommandError> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(CommandError::Failed(format!(
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
    // Before PostgreSQL starts, so that a signal at any moment ends both.
    let runtime = super::runtime()?;
    let stop = runtime.block_on(async { stop_signal() })?;
    let folder = DevFolder::open(args.data.as_deref())?;
    let cluster = PrivateCluster::start(&folder)?;
    let mut regions = Vec::new();
    let served = runtime.block_on(serve(args, &folder, &cluster, &mut regions, stop));
    let mut all = vec![cluster.server()];
    all.extend(regions.iter().map(|region| &region.standby));
    served.and(stop_all(&all))
}

async fn serve(
    args: &DevArgs,
    folder: &DevFolder,
    cluster: &PrivateCluster,
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
    let mut servers = Servers::start(args.listen, &prepared, regions)?;
    regions::keep(folder, regions)?;
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
    let standbys = join_all(regions.iter().map(|region| region.standby.keep_trying()));
    servers
        .run_until(async {
            tokio::select! {
                () = stop => {}
                error = cluster.server().keep_alive() => failure = Some(error),
                // It never completes when there is one, and is not asked when there is none.
                _ = standbys, if !regions.is_empty() => {}
            }
        })
        .await?;
    failure.map_or(Ok(()), Err)
}

/// At the same time, since each may take all its patience.
fn stop_all(all: &[&Supervised]) -> Result<(), CommandError> {
    std::thread::scope(|scope| {
        let stopping: Vec<_> = all
            .iter()
            .map(|cluster| scope.spawn(|| cluster.stop(STOP_PATIENCE)))
            .collect();
        stopping
            .into_iter()
            .try_for_each(|stopped| match stopped.join() {
                Ok(stopped) => stopped,
                Err(_) => Err(CommandError::Failed("PostgreSQL was not stopped".into())),
            })
    })
}
