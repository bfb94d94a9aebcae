use std::net::SocketAddr;
use std::time::Duration;

use strongroom_domain::VaultSettings;
use strongroom_domain::blob::BlobRules;
use strongroom_storage::{DatabaseSettings, DatabaseUrl, RegionsSettings};
use strongroom_web::settings::{HttpSettings, LimitSettings, ProcessInfo, WebSettings};

use super::limits::{limit_flags, limits_from, sizes_from};
use super::regions::regions_from;
use super::root_key::RootKeyConfig;
use super::sources::{ConfigError, Sources, TRACES_ENDPOINT};
use super::tls::{tls_flags, tls_from};
use super::values::{
    address, blob_rules, collector, count, drain_delay, log_format, log_level, long_time,
    organization, ratio, time, use_flush_interval, verify_interval, yes,
};
use crate::background::BackgroundSettings;
use crate::cli::{ConnectArgs, RegionsArgs, ServeArgs, VaultArgs};
use crate::logging::dropped_lines;
use crate::tls::TlsFiles;
use crate::traces::{TraceSettings, adopt};

/// Loopback, so that nothing is reachable from outside by accident.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8700);

/// What a command needs to open the vault.
#[derive(Debug)]
pub(crate) struct VaultAccess {
    pub(crate) database: DatabaseSettings,
    pub(crate) root_keys: RootKeyConfig,
}

/// All that `serve` needs.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) listen: SocketAddr,
    /// Where the metrics are served by themselves.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Where traces are sent.
    pub(crate) traces: Option<TraceSettings>,
    pub(crate) access: VaultAccess,
    pub(crate) regions: RegionsSettings,
    pub(crate) vault: VaultSettings,
    pub(crate) http: HttpSettings,
    pub(crate) api: WebSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) tls: Option<TlsFiles>,
    /// How long it goes on serving once it is told to stop.
    pub(crate) drain_delay: Duration,
    pub(crate) background: BackgroundSettings,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Auto,
    Json,
    Human,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logging {
    pub(crate) format: LogFormat,
    pub(crate) level: tracing::Level,
}

/// Settings of a command that only needs the database.
pub(crate) fn database(args: &ConnectArgs) -> Result<DatabaseSettings, ConfigError> {
    database_from(&Sources::read(
        &connect_flags(args),
        args.config.as_deref(),
    )?)
}

/// Settings of a command that looks at the regions.
pub(crate) fn regions(
    args: &RegionsArgs,
) -> Result<(DatabaseSettings, RegionsSettings), ConfigError> {
    let mut flags = connect_flags(&args.connect);
    flags.push(("regions", args.regions.clone()));
    let sources = Sources::read(&flags, args.connect.config.as_deref())?;
    Ok((database_from(&sources)?, regions_from(&sources)?))
}

/// Settings of a command that opens the vault.
pub(crate) fn vault_access(args: &VaultArgs) -> Result<VaultAccess, ConfigError> {
    access_from(&Sources::read(
        &vault_flags(args),
        args.connect.config.as_deref(),
    )?)
}

/// Where the root keys come from, for a command that needs no database.
pub(crate) fn root_keys(args: &VaultArgs) -> Result<RootKeyConfig, ConfigError> {
    RootKeyConfig::new(&Sources::read(
        &vault_flags(args),
        args.connect.config.as_deref(),
    )?)
}

/// Settings of `serve`.
pub(crate) fn serve(args: &ServeArgs) -> Result<(ServeSettings, Logging), ConfigError> {
    settings_from(&Sources::read(
        &serve_flags(args),
        args.vault.connect.config.as_deref(),
    )?)
}

pub(super) fn serve_flags(args: &ServeArgs) -> Vec<(&'static str, Option<String>)> {
    let mut flags = vault_flags(&args.vault);
    flags.extend([
        ("regions", args.regions.clone()),
        ("region", args.region.clone()),
        ("max_replica_lag", args.max_replica_lag.clone()),
        ("stale_reads", args.stale_reads.clone()),
        ("listen", args.listen.clone()),
        ("blob_rules", args.blob_rules.clone()),
        ("anonymous_org", args.anonymous_org.clone()),
        ("workers", args.workers.clone()),
        ("pool_size", args.pool_size.clone()),
        ("max_connections", args.max_connections.clone()),
        ("request_timeout", args.request_timeout.clone()),
        ("statement_timeout", args.statement_timeout.clone()),
        ("connect_timeout", args.connect_timeout.clone()),
        ("header_timeout", args.header_timeout.clone()),
        ("body_timeout", args.body_timeout.clone()),
        ("keep_alive", args.keep_alive.clone()),
        ("drain_delay", args.drain_delay.clone()),
        ("shutdown_timeout", args.shutdown_timeout.clone()),
        ("verify_interval", args.verify_interval.clone()),
        ("use_flush_interval", args.use_flush_interval.clone()),
        ("metrics_listen", args.metrics_listen.clone()),
        (
            "metrics_by_organization",
            args.metrics_by_organization.clone(),
        ),
        ("otlp_endpoint", args.otlp_endpoint.clone()),
        ("trace_sample_ratio", args.trace_sample_ratio.clone()),
        ("log_format", args.log_format.clone()),
        ("log_level", args.log_level.clone()),
    ]);
    flags.extend(limit_flags(&args.limits));
    flags.extend(tls_flags(&args.tls));
    flags
}

pub(super) fn settings_from(sources: &Sources) -> Result<(ServeSettings, Logging), ConfigError> {
    let logging = Logging {
        format: sources.parse("log_format", LogFormat::Auto, log_format)?,
        level: sources.parse("log_level", tracing::Level::INFO, log_level)?,
    };
    let traces = traces_from(sources)?;
    let metrics_listen = sources.parse("metrics_listen", None, |text| address(text).map(Some))?;
    let settings = ServeSettings {
        listen: sources.parse("listen", DEFAULT_LISTEN, address)?,
        metrics_listen,
        vault: VaultSettings {
            blob_rules: sources.parse("blob_rules", BlobRules::Typed, blob_rules)?,
            anonymous_org: sources.parse("anonymous_org", None, organization)?,
        },
        http: http_from(sources)?,
        api: WebSettings {
            request_timeout: sources.parse("request_timeout", Duration::from_secs(10), time)?,
            body_timeout: sources.parse("body_timeout", Duration::from_secs(15), time)?,
            sizes: sizes_from(sources)?,
            // Whoever names an organization for anonymous callers decides who reaches the server.
            anonymous_needs_loopback_host: false,
            separate_metrics_listener: metrics_listen.is_some(),
            metrics_by_organization: sources.parse("metrics_by_organization", false, yes)?,
            process: ProcessInfo {
                log_lines_dropped: dropped_lines,
            },
            adopt_trace: traces.is_some().then_some(adopt),
        },
        traces,
        limits: limits_from(sources)?,
        drain_delay: sources.parse("drain_delay", Duration::ZERO, drain_delay)?,
        tls: tls_from(sources)?,
        background: background_from(sources)?,
        regions: regions_from(sources)?,
        access: access_from(sources)?,
    };
    Ok((settings, logging))
}

fn traces_from(sources: &Sources) -> Result<Option<TraceSettings>, ConfigError> {
    let ratio = sources.parse("trace_sample_ratio", None, ratio)?;
    let base = sources.parse("otlp_endpoint", None, |text| {
        let base = collector(text)?.trim_end_matches('/');
        Ok(Some(format!("{base}/v1/traces")))
    })?;
    let endpoint = match base {
        Some(endpoint) => Some(endpoint),
        None => sources.parse(TRACES_ENDPOINT, None, |text| {
            collector(text).map(|whole| Some(whole.to_owned()))
        })?,
    };
    Ok(endpoint.map(|endpoint| TraceSettings { endpoint, ratio }))
}

fn vault_flags(args: &VaultArgs) -> Vec<(&'static str, Option<String>)> {
    let mut flags = connect_flags(&args.connect);
    flags.extend([
        ("root_key_file", args.root_key_file.clone()),
        (
            "root_key_passphrase_file",
            args.root_key_passphrase_file.clone(),
        ),
    ]);
    flags
}

fn connect_flags(args: &ConnectArgs) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("database_url", args.database_url.clone()),
        ("database_url_file", args.database_url_file.clone()),
    ]
}

fn access_from(sources: &Sources) -> Result<VaultAccess, ConfigError> {
    let access = VaultAccess {
        database: database_from(sources)?,
        root_keys: RootKeyConfig::new(sources)?,
    };
    // A file that cannot be read shall be told at once, and not when the database is there.
    access.root_keys.load()?;
    Ok(access)
}

pub(super) fn database_from(sources: &Sources) -> Result<DatabaseSettings, ConfigError> {
    let url = database_url(sources)?;
    Ok(DatabaseSettings {
        url,
        pool_size: sources.parse("pool_size", 16, |text| count(text, 2, 1000))?,
        connect_timeout: sources.parse("connect_timeout", Duration::from_secs(3), time)?,
        statement_timeout: sources.parse("statement_timeout", Duration::from_secs(8), time)?,
    })
}

fn database_url(sources: &Sources) -> Result<DatabaseUrl, ConfigError> {
    let given = sources.get("database_url");
    if let Some(file) = sources.get("database_url_file") {
        if given.is_some_and(|given| !given.is_last_resort()) {
            let problem = "database_url is set as well; set one of the two";
            return Err(file.invalid("database_url_file", problem));
        }
        let text = std::fs::read_to_string(&file.text)
            .map_err(|error| file.invalid("database_url_file", error.to_string()))?;
        return DatabaseUrl::parse(text.trim())
            .map_err(|error| file.invalid("database_url_file", error.to_string()));
    }
    let found = given.ok_or(ConfigError::Missing {
        key: "database_url",
        hint: "give postgresql://user:password@host:port/database with --database-url, \
               STRONGROOM_DATABASE_URL or DATABASE_URL, or its file with STRONGROOM_DATABASE_URL_FILE",
    })?;
    DatabaseUrl::parse(&found.text)
        .map_err(|error| found.invalid("database_url", error.to_string()))
}

pub(super) fn http_from(sources: &Sources) -> Result<HttpSettings, ConfigError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(HttpSettings {
        workers: sources.parse("workers", cores, |text| count(text, 1, 1024))?,
        max_connections: sources
            .parse("max_connections", 16_384, |text| count(text, 1, 1_000_000))?,
        header_timeout: sources.parse("header_timeout", Duration::from_secs(10), long_time)?,
        write_timeout: sources.parse("write_timeout", Duration::from_secs(30), long_time)?,
        keep_alive: sources.parse("keep_alive", Duration::from_secs(75), long_time)?,
        shutdown_timeout: sources.parse("shutdown_timeout", Duration::from_secs(20), long_time)?,
        tls: None,
    })
}

fn background_from(sources: &Sources) -> Result<BackgroundSettings, ConfigError> {
    let default = BackgroundSettings::default();
    Ok(BackgroundSettings {
        verify_interval: sources.parse(
            "verify_interval",
            default.verify_interval,
            verify_interval,
        )?,
        use_flush_interval: sources.parse(
            "use_flush_interval",
            default.use_flush_interval,
            use_flush_interval,
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_address_is_loopback() {
        assert!(DEFAULT_LISTEN.ip().is_loopback());
    }
}
