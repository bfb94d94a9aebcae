//! All that `strongroom serve` needs.

use std::net::SocketAddr;
use std::time::Duration;

use strongroom_domain::VaultSettings;
use strongroom_storage::RegionsSettings;
use strongroom_web::settings::{HttpSettings, LimitSettings, ProcessInfo, WebSettings};

use crate::background::settings::BackgroundSettings;
use crate::logging::request_lines::log_request;
use crate::logging::{Logging, dropped_lines};
use crate::settings::access::{VaultAccess, database};
use crate::settings::args::ServeArgs;
use crate::settings::console::{ConsoleSettings, console};
use crate::settings::egress::{RelaySettings, relay};
use crate::settings::error::{ConfigError, ConfigErrors, Origin};
use crate::settings::limits::{limits, sizes};
use crate::settings::regions::regions;
use crate::settings::root_key::RootKeyConfig;
use crate::settings::sources::Sources;
use crate::settings::table::{
    ANONYMOUS_ORG, AUDIT_ROOT_INTERVAL, BLOB_VALIDATION, BODY_TIMEOUT, DAILY_TOTALS_INTERVAL, DOCS,
    DRAIN_DELAY, HEADER_TIMEOUT, KEEP_ALIVE, LAST_USED_FLUSH_INTERVAL, LISTEN, LOG_FORMAT,
    LOG_LEVEL, MAX_CONNECTIONS, METRICS_BY_ORGANIZATION, METRICS_LISTEN, OTLP_ENDPOINT,
    PURGE_INTERVAL, RELAY, REQUEST_TIMEOUT, SCRUB_INTERVAL, SHUTDOWN_TIMEOUT, TRACE_SAMPLE_RATIO,
    TRACES_ENDPOINT, WORKERS, WRITE_TIMEOUT,
};
use crate::settings::tls::tls;
use crate::tls::TlsFiles;
use crate::traces::{TraceSettings, adopt};

/// Bytes that a merged blob is smaller than the largest body, so that it can also be sent as a
/// whole, with the other members that a reveal answers.
const OTHER_MEMBERS: usize = 1024;

/// All that a server needs.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) listen: SocketAddr,
    /// Where the console is served.
    pub(crate) console: ConsoleSettings,
    /// The listener of the metrics, if they have their own.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The collector of traces.
    pub(crate) traces: Option<TraceSettings>,
    pub(crate) access: VaultAccess,
    pub(crate) regions: RegionsSettings,
    pub(crate) vault: VaultSettings,
    pub(crate) http: HttpSettings,
    pub(crate) api: WebSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) tls: Option<TlsFiles>,
    /// How requests to other hosts are sent, if relays are served.
    pub(crate) relay: Option<RelaySettings>,
    /// How long it continues to serve once it is asked to stop.
    pub(crate) drain_delay: Duration,
    pub(crate) background: BackgroundSettings,
}

impl ServeSettings {
    /// For `serve`.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first problem.
    pub(crate) fn read(args: &ServeArgs) -> Result<(Self, Logging), ConfigErrors> {
        let (mut sources, mut found) = Sources::read_all(args.given());
        found.extend(problems(&mut sources));
        let root_keys = RootKeyConfig::new(&sources);
        found.extend(root_keys.iter().flat_map(RootKeyConfig::problems));
        ConfigErrors::none_of(found)?;
        Ok((Self::new(&sources, VaultAccess::new)?, logging(&sources)?))
    }

    /// The defaults of all settings, for the vault of `access`.
    #[cfg(feature = "dev")]
    pub(crate) fn defaults(access: VaultAccess) -> Result<Self, ConfigError> {
        Self::new(&Sources::default(), |_| Ok(access))
    }

    /// Reads the access last: a wrong flag is reported before a missing root key.
    pub(super) fn new(
        sources: &Sources,
        access: impl FnOnce(&Sources) -> Result<VaultAccess, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let traces = traces(sources)?;
        let metrics_listen = sources.get(&METRICS_LISTEN)?;
        let sizes = sizes(sources)?;
        Ok(Self {
            listen: sources.get(&LISTEN)?,
            console: console(sources)?,
            metrics_listen,
            vault: VaultSettings {
                blob_validation: sources.get(&BLOB_VALIDATION)?,
                anonymous_org: sources.get(&ANONYMOUS_ORG)?,
                max_merged_blob: sizes.body.saturating_sub(OTHER_MEMBERS),
                // Set where the server starts.
                version: "",
            },
            http: http(sources)?,
            api: WebSettings {
                request_timeout: sources.get(&REQUEST_TIMEOUT)?,
                body_timeout: sources.get(&BODY_TIMEOUT)?,
                sizes,
                // Who sets anonymous_org also decides who can reach the server.
                anonymous_needs_loopback_host: false,
                // Set once the certificate is loaded.
                tls: false,
                separate_metrics_listener: metrics_listen.is_some(),
                docs: sources.get(&DOCS)?,
                // Set once requests to other hosts can be sent.
                relay: false,
                metrics_by_organization: sources.get(&METRICS_BY_ORGANIZATION)?,
                process: ProcessInfo {
                    log_request,
                    log_lines_dropped: dropped_lines,
                },
                adopt_trace: traces.is_some().then_some(adopt),
            },
            traces,
            limits: limits(sources)?,
            drain_delay: sources.get(&DRAIN_DELAY)?,
            tls: tls(sources)?,
            background: BackgroundSettings {
                scrub_interval: sources.get(&SCRUB_INTERVAL)?,
                audit_root_interval: sources.get(&AUDIT_ROOT_INTERVAL)?,
                purge_interval: sources.get(&PURGE_INTERVAL)?,
                daily_totals_interval: sources.get(&DAILY_TOTALS_INTERVAL)?,
                last_used_flush_interval: sources.get(&LAST_USED_FLUSH_INTERVAL)?,
            },
            regions: regions(sources)?,
            relay: match sources.get(&RELAY)? {
                true => Some(relay(sources)?),
                false => None,
            },
            access: access(sources)?,
        })
    }
}

/// What is wrong with the settings, alone and together. The content of root keys' places is left
/// out. Wrong values give way to their defaults.
pub(super) fn problems(sources: &mut Sources) -> Vec<ConfigError> {
    let mut found = sources.check();
    found.extend(tls(sources).err());
    found.extend(console(sources).err());
    found.extend(regions(sources).err());
    found.extend(database(sources).err());
    found.extend(RootKeyConfig::new(sources).err());
    found
}

fn logging(sources: &Sources) -> Result<Logging, ConfigError> {
    Ok(Logging {
        format: sources.get(&LOG_FORMAT)?,
        level: sources.get(&LOG_LEVEL)?,
    })
}

pub(super) fn http(sources: &Sources) -> Result<HttpSettings, ConfigError> {
    Ok(HttpSettings {
        workers: sources.get(&WORKERS)?,
        max_connections: sources.get(&MAX_CONNECTIONS)?,
        header_timeout: sources.get(&HEADER_TIMEOUT)?,
        write_timeout: sources.get(&WRITE_TIMEOUT)?,
        keep_alive: sources.get(&KEEP_ALIVE)?,
        shutdown_timeout: sources.get(&SHUTDOWN_TIMEOUT)?,
        tls: None,
    })
}

fn traces(sources: &Sources) -> Result<Option<TraceSettings>, ConfigError> {
    let ratio = sources.get(&TRACE_SAMPLE_RATIO)?;
    let Some(url) = sources.get(&OTLP_ENDPOINT)? else {
        return Ok(None);
    };
    let origin = sources.found(&OTLP_ENDPOINT).map(|found| &found.origin);
    let endpoint = match origin {
        Some(Origin::Fallback(TRACES_ENDPOINT)) => url,
        _ => format!("{}/v1/traces", url.trim_end_matches('/')),
    };
    Ok(Some(TraceSettings { endpoint, ratio }))
}
