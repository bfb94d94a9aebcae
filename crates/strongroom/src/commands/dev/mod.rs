//! `strongroom dev`: everything on one machine, kept in one folder.

mod cluster;
mod folder;
mod greeting;
mod prepare;

use std::time::Duration;

use strongroom_api::{ApiSettings, HttpSettings};
use strongroom_domain::{OrgId, VaultSettings};
use strongroom_storage::RegionsSettings;

use crate::background::BackgroundSettings;
use crate::cli::DevArgs;
use crate::config::{LogFormat, Logging, ServeSettings};
use crate::error::CommandError;
use crate::service::{Service, stop_signal};
use crate::{logging, output};
use cluster::PrivateCluster;
use folder::DevFolder;

/// Longest time that requests under way may take once we are told to stop; PostgreSQL then gets as long.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Runs until a signal, then stops the server first and PostgreSQL after it.
pub(super) fn run(args: &DevArgs) -> Result<(), CommandError> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        return Err(CommandError::Failed(format!(
            "{} can be reached from other machines; --allow-remote allows that",
            args.listen.ip()
        )));
    }
    logging::start(Logging {
        format: LogFormat::Auto,
        level: tracing::Level::INFO,
    });
    // Before PostgreSQL starts, so that a signal at any moment ends both.
    let runtime = super::runtime()?;
    let stop = runtime.block_on(async { stop_signal() })?;
    let folder = DevFolder::open(args.data.as_deref())?;
    let cluster = PrivateCluster::start(&folder)?;
    let served = runtime.block_on(serve(args, &folder, &cluster, stop));
    let stopped = cluster.stop(STOP_PATIENCE);
    served.and(stopped)
}

async fn serve(
    args: &DevArgs,
    folder: &DevFolder,
    cluster: &PrivateCluster,
    stop: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    tokio::pin!(stop);
    let preparing = prepare::prepare(folder, cluster);
    let prepared = tokio::select! {
        prepared = preparing => prepared?,
        () = &mut stop => return Ok(()),
    };
    let loopback = args.listen.ip().is_loopback();
    let settings = ServeSettings {
        listen: args.listen,
        access: prepared.access,
        regions: RegionsSettings::default(),
        vault: VaultSettings {
            anonymous_org: OrgId::parse(&prepared.demo.org_id).filter(|_| loopback),
            ..VaultSettings::default()
        },
        http: HttpSettings {
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            shutdown_timeout: STOP_PATIENCE,
            max_connections: 16_384,
        },
        api: ApiSettings {
            request_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            anonymous_needs_loopback_host: true,
        },
        background: BackgroundSettings::default(),
    };
    let mut service = Service::start(settings)?;
    tokio::select! {
        ready = service.ready() => ready?,
        () = &mut stop => return service.run_until(std::future::ready(())).await,
    }
    let instance = greeting::Instance::new(service.address(), folder, cluster, &prepared.demo);
    if args.json {
        output::answer(true, &instance, "");
    } else {
        output::line(&instance.greeting(folder.path()));
    }
    let cluster_gone = cluster.keep_alive();
    tokio::pin!(cluster_gone);
    let mut failure = None;
    service
        .run_until(async {
            tokio::select! {
                () = stop => {}
                error = &mut cluster_gone => failure = Some(error),
            }
        })
        .await?;
    failure.map_or(Ok(()), Err)
}
