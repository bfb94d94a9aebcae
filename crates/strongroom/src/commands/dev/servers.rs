use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use strongroom_domain::OrgId;
use strongroom_egress::InFlightLimits;
use strongroom_storage::{RegionSettings, RegionsSettings};
use strongroom_web::settings::LimitSettings;
use tokio::sync::watch;

use super::prepare::Prepared;
use super::regions::Region;
use crate::cli::DevArgs;
use crate::error::CommandError;
use crate::service::Service;
use crate::settings::console::ConsoleSettings;
use crate::settings::egress::RelaySettings;
use crate::settings::serve::ServeSettings;

/// Longest time for requests in progress after the stop signal; PostgreSQL then has as long.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest time to connect to another host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The primary's server, and one in each region.
pub(super) struct Servers {
    primary: Service,
    regions: Vec<Service>,
}

impl Servers {
    /// Starts all of them. The primary's server listens where `args` say, the others on the ports
    /// of the last start if possible.
    pub(super) fn start(
        args: &DevArgs,
        prepared: &Prepared,
        regions: &mut [Region],
    ) -> Result<Self, CommandError> {
        let everywhere = region_settings(regions, prepared)?;
        let primary = Service::start(
            settings(args, args.listen, prepared, everywhere.clone())?,
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
            let service = Service::start(
                settings(args, region.listen, prepared, local)?,
                Arc::default(),
            )?;
            region.listen = service.address();
            servers.regions.push(service);
        }
        Ok(servers)
    }

    /// The address that the primary's server listens on.
    pub(super) fn address(&self) -> SocketAddr {
        self.primary.address()
    }

    /// Waits until all are ready.
    pub(super) async fn ready(&mut self) -> Result<(), CommandError> {
        self.primary.ready().await?;
        try_join_all(self.regions.iter_mut().map(Service::ready)).await?;
        Ok(())
    }

    /// Runs them until `stop` completes or one of them fails; then finishes requests in progress.
    pub(super) async fn run_until(
        self,
        stop: impl Future<Output = ()>,
    ) -> Result<(), CommandError> {
        let (sender, receiver) = watch::channel(false);
        let all = std::iter::once(self.primary).chain(self.regions);
        let running = join_all(all.map(|service| {
            let (sender, mut receiver) = (sender.clone(), receiver.clone());
            async move {
                let stopped = async move {
                    // An error means that the sender is dropped, which stops the server as well.
                    let _ = receiver.wait_for(|stop| *stop).await;
                };
                let ended = service.run_until(stopped).await;
                sender.send_replace(true);
                ended
            }
        }));
        tokio::pin!(running);
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop => {
                sender.send_replace(true);
                running.await
            }
        };
        ended.into_iter().collect()
    }
}

fn region_settings(
    regions: &[Region],
    prepared: &Prepared,
) -> Result<RegionsSettings, CommandError> {
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
    args: &DevArgs,
    listen: SocketAddr,
    prepared: &Prepared,
    regions: RegionsSettings,
) -> Result<ServeSettings, CommandError> {
    let mut settings = ServeSettings::defaults(prepared.access()?)?;
    settings.listen = listen;
    settings.console = ConsoleSettings::Shared;
    settings.regions = regions;
    if listen.ip().is_loopback() {
        settings.vault.anonymous_org = OrgId::parse(&prepared.demo.org_id);
    }
    settings.http.shutdown_timeout = STOP_TIMEOUT;
    settings.api.anonymous_needs_loopback_host = true;
    settings.relay = Some(RelaySettings {
        dns: args.egress_dns,
        ca_file: args.egress_ca_file.clone(),
        allow_networks: args.egress_allow_network.clone(),
        connect: CONNECT_TIMEOUT,
        in_flight: InFlightLimits::default(),
        is_required: args.egress_ca_file.is_some(),
    });
    // A client in development meets no limits.
    settings.limits = LimitSettings::default();
    Ok(settings)
}
