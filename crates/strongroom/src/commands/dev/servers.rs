use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use strongroom_domain::{OrgId, VaultSettings};
use strongroom_storage::{RegionSettings, RegionsSettings};
use strongroom_web::settings::{
    HttpSettings, LimitSettings, ProcessInfo, RequestSizes, WebSettings,
};
use tokio::sync::watch;

use super::STOP_PATIENCE;
use super::prepare::Prepared;
use super::regions::Region;
use crate::background::BackgroundSettings;
use crate::config::ServeSettings;
use crate::error::CommandError;
use crate::logging::dropped_lines;
use crate::service::Service;

/// The primary's server, and one in each region.
pub(super) struct Servers {
    primary: Service,
    regions: Vec<Service>,
}

impl Servers {
    /// Starts all of them. The primary's listens where it was asked to, the others where they did last time if
    /// possible.
    pub(super) fn start(
        listen: SocketAddr,
        prepared: &Prepared,
        regions: &mut [Region],
    ) -> Result<Self, CommandError> {
        let everywhere = settings_of(regions, prepared)?;
        let primary = Service::start(
            settings(listen, prepared, everywhere.clone())?,
            Arc::default(),
        )?;
        let mut servers = Self {
            primary,
            regions: Vec::new(),
        };
        for region in regions {
            let local = RegionsSettings {
                local: Some(region.name.clone()),
                ..everywhere.clone()
            };
            let service =
                Service::start(settings(region.listen, prepared, local)?, Arc::default())?;
            region.listen = service.address();
            servers.regions.push(service);
        }
        Ok(servers)
    }

    /// Where the primary's server listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.primary.address()
    }

    /// Waits until all can serve.
    pub(super) async fn ready(&mut self) -> Result<(), CommandError> {
        self.primary.ready().await?;
        try_join_all(self.regions.iter_mut().map(Service::ready)).await?;
        Ok(())
    }

    /// Runs them until `stop` completes or one of them fails, then finishes the requests under way in all.
    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
    ) -> Result<(), CommandError> {
        let (tell, told) = watch::channel(false);
        let all = std::iter::once(self.primary).chain(self.regions);
        let running = join_all(all.map(|service| {
            let (tell, mut told) = (tell.clone(), told.clone());
            async move {
                let stopped = async move {
                    // Fails when nobody can tell any more, and that is as good as being told.
                    let _ = told.wait_for(|stop| *stop).await;
                };
                let ended = service.run_until(stopped).await;
                tell.send_replace(true);
                ended
            }
        }));
        tokio::pin!(running);
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop => {
                tell.send_replace(true);
                running.await
            }
        };
        ended.into_iter().collect()
    }
}

fn settings_of(regions: &[Region], prepared: &Prepared) -> Result<RegionsSettings, CommandError> {
    let region = |region: &Region| {
        Ok::<_, CommandError>(RegionSettings {
            name: region.name.clone(),
            url: prepared.standby(region.standby.port())?,
        })
    };
    Ok(RegionsSettings {
        all: regions.iter().map(region).collect::<Result<_, _>>()?,
        ..RegionsSettings::default()
    })
}

fn settings(
    listen: SocketAddr,
    prepared: &Prepared,
    regions: RegionsSettings,
) -> Result<ServeSettings, CommandError> {
    let loopback = listen.ip().is_loopback();
    Ok(ServeSettings {
        listen,
        metrics_listen: None,
        traces: None,
        access: prepared.access()?,
        regions,
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
            write_timeout: Duration::from_secs(30),
            tls: None,
        },
        api: WebSettings {
            request_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            sizes: RequestSizes::default(),
            anonymous_needs_loopback_host: true,
            separate_metrics_listener: false,
            metrics_by_organization: false,
            process: ProcessInfo {
                log_lines_dropped: dropped_lines,
            },
            adopt_trace: None,
        },
        // Whoever develops against it shall meet no limits.
        limits: LimitSettings::default(),
        tls: None,
        drain_delay: Duration::ZERO,
        background: BackgroundSettings::default(),
    })
}
