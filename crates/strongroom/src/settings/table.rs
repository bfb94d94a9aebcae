//! The table of settings. One entry here makes a setting's flag, variable, TOML name, default,
//! check in `strongroom doctor`, and description in `--help` and `docs/configuration.md`.
//! The value is read with `sources.get(&NAME)?`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use strongroom_domain::OrgId;
use strongroom_domain::blob::BlobValidation;
use strongroom_domain::keyring::sources::RootKeySources;
use strongroom_storage::{DatabaseUrl, RegionSettings};
use tracing::Level;

use crate::logging::LogFormat;
use crate::settings::key_material::{passphrase, passphrase_file, root_key_file, root_keys};
use crate::settings::rates::{burst, networks, rate};
use crate::settings::setting::{AnySetting, Commands, Setting};
use crate::settings::values::{
    address, boolean, collector, count, database_url, drain_delay, last_used_flush_interval,
    log_level, long_time, organization, path, ratio, regions, scrub_interval, some, time, word,
};

/// Makes a static of each setting, and [`ALL`] of them.
macro_rules! settings {
    ($($section:expr => { $($name:ident: $type:ty = $setting:expr;)* })*) => {
        $($(pub(super) static $name: Setting<$type> = $setting.within($section);)*)*

        /// Every setting, in the order of the documentation.
        pub(super) static ALL: &[&dyn AnySetting] = &[$($(&$name),*),*];
    };
}

/// The section of the settings that root keys come from.
pub(super) const ROOT_KEYS: &str = "Root keys";

/// A variable of OpenTelemetry with the whole URL for traces, to which nothing is appended.
pub(super) const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

const ROOT_KEY_HINT: &str = "name a file made by `strongroom root-key new --output FILE` with \
                             --root-key-file or STRONGROOM_ROOT_KEY_FILE, or set \
                             STRONGROOM_ROOT_KEY or STRONGROOM_ROOT_KEY_PASSPHRASE";

type Rate = Option<(NonZeroU32, Duration)>;

settings! {
    "Configuration file" => {
        CONFIG: Option<PathBuf> = Setting::new("config", |text| some(path(text)))
            .flag_of(Commands::Database, "FILE")
            .optional("none")
            .what("TOML file with settings.");
    }

    "Database" => {
        DATABASE_URL: DatabaseUrl = Setting::new("database_url", database_url)
            .flag_of(Commands::Database, "URL")
            .secret()
            .fallbacks(&["DATABASE_URL"])
            .required(
                "give postgresql://user:password@host:port/database with --database-url, \
                 STRONGROOM_DATABASE_URL or DATABASE_URL, or its file with \
                 STRONGROOM_DATABASE_URL_FILE",
            )
            .what(
                "URL of the primary, `postgresql://user:password@host:port/database?sslmode=\
                 verify-full`. `DATABASE_URL` is read last, after the file. On a shared machine \
                 use a variable or a file, since other users can see flags.",
            );

        DATABASE_URL_FILE: Option<PathBuf> =
            Setting::new("database_url_file", |text| some(path(text)))
                .flag_of(Commands::Database, "FILE")
                .optional("none")
                .what("File that contains the database URL. Use it instead of `database_url`.");

        POOL_SIZE: usize = Setting::new("pool_size", |text| count(text, 2, 1000))
            .flag("N")
            .default("16")
            .what(
                "Connections to PostgreSQL, 2 to 1000, and as many to the database of the region. \
                 A server has further connections: four for shared writes and reads, one that \
                 listens for revoked keys, one that watches each region, and, on one of the \
                 servers, one for the scrub.",
            );

        CONNECT_TIMEOUT: Duration = Setting::new("connect_timeout", time)
            .flag("TIME")
            .default("3s")
            .what(
                "Longest time to connect to one host of PostgreSQL, or to wait for a free \
                 connection.",
            );

        STATEMENT_TIMEOUT: Duration = Setting::new("statement_timeout", time)
            .flag("TIME")
            .default("8s")
            .what("Longest time for one database transaction.");
    }

    ROOT_KEYS => {
        ROOT_KEY_FILE: RootKeySources = Setting::new("root_key_file", root_key_file)
            .flag_of(Commands::Vault, "FILE")
            .required(ROOT_KEY_HINT)
            .what(
                "File with root keys, one per line, newest last, as `strongroom root-key new` \
                 writes it; or a folder of such files. Refused if others can read or change a \
                 file. Servers read it again every 2 seconds. Instead, the keys can be in \
                 `STRONGROOM_ROOT_KEY`, or a passphrase in `STRONGROOM_ROOT_KEY_PASSPHRASE`.",
            );

        ROOT_KEY: RootKeySources = Setting::new("root_key", root_keys)
            .secret()
            .required(ROOT_KEY_HINT)
            .what("The root keys themselves, one per line.");

        ROOT_KEY_PASSPHRASE: RootKeySources = Setting::new("root_key_passphrase", passphrase)
            .secret()
            .required(ROOT_KEY_HINT)
            .what("Passphrase of at least 16 characters that stands for a root key.");

        ROOT_KEY_PASSPHRASE_FILE: RootKeySources =
            Setting::new("root_key_passphrase_file", passphrase_file)
                .flag_of(Commands::Vault, "FILE")
                .required(ROOT_KEY_HINT)
                .what(
                    "File with a passphrase that stands for a root key. Refused if others can \
                     read or change it.",
                );
    }

    "Regions" => {
        REGIONS: Vec<RegionSettings> = Setting::new("regions", regions)
            .flag_of(Commands::Regions, "NAME=URL …")
            .secret()
            .default_fn("none", Vec::new)
            .what(
                "The regions, as NAME=URL of the database of each, separated by spaces. In the \
                 TOML file: tables `[[regions]]` with `name` and `database_url`.",
            )
            .see("regions.md");

        REGION: Option<String> = Setting::new("region", |text| Ok(Some(text.to_owned())))
            .flag("NAME")
            .optional("the primary")
            .what(
                "Region whose database this server reads. Writes always go to the primary, \
                 `database_url`.",
            );

        MAX_REPLICA_LAG: Duration = Setting::new("max_replica_lag", time)
            .flag("TIME")
            .default("10s")
            .what(
                "How far the database of the region may be behind before answers from it say so \
                 in `SlashID-Replica-Lag`.",
            );

        // Whether they are refused.
        STALE_READS: bool = Setting::new("stale_reads", |text| {
            word(text, &[("serve", false), ("refuse", true)])
        })
        .flag("RULE")
        .default("serve")
        .what("Reads from a region that is further behind: `serve` or `refuse`.");
    }

    "HTTP" => {
        // Loopback, so that nothing can be reached from other machines by accident.
        LISTEN: SocketAddr = Setting::new("listen", address)
            .flag("ADDR:PORT")
            .default("127.0.0.1:8700")
            .what("IP address and port to listen on; port 0 takes a free port.");

        WORKERS: usize = Setting::new("workers", |text| count(text, 1, 1024))
            .flag("N")
            .default_fn("one per core", || {
                std::thread::available_parallelism().map_or(1, usize::from)
            })
            .what("Threads that serve requests, 1 to 1024.");

        MAX_CONNECTIONS: usize = Setting::new("max_connections", |text| count(text, 1, 1_000_000))
            .flag("N")
            .default("16384")
            .what(
                "Client connections at a time, 1 to 1000000. A further connection is answered 503.",
            )
            .see("limits.md");

        REQUEST_TIMEOUT: Duration = Setting::new("request_timeout", time)
            .flag("TIME")
            .default("10s")
            .what(
                "Longest time that each step of a request (key, role, operation) may wait for the \
                 database.",
            );

        HEADER_TIMEOUT: Duration = Setting::new("header_timeout", long_time)
            .flag("TIME")
            .default("10s")
            .what("Longest time for the head of a request to arrive; at least 1s.");

        BODY_TIMEOUT: Duration = Setting::new("body_timeout", time)
            .flag("TIME")
            .default("15s")
            .what("Longest time for the body of a request to arrive.");

        WRITE_TIMEOUT: Duration = Setting::new("write_timeout", long_time)
            .flag("TIME")
            .default("30s")
            .what("Longest time in which a client accepts no byte of its answer; at least 1s.");

        KEEP_ALIVE: Duration = Setting::new("keep_alive", long_time)
            .flag("TIME")
            .default("75s")
            .what("Longest time that an idle client connection is kept; at least 1s.");

        // The HTTP library takes at most 96 header fields, and 128 KiB for a head.
        MAX_BODY: usize = Setting::new("max_body", |text| count(text, 1024, 1024 * 1024))
            .flag("N")
            .default("65536")
            .what("Bytes in the body of a request, 1024 to 1048576.");

        MAX_URL: usize = Setting::new("max_url", |text| count(text, 256, 65_000))
            .flag("N")
            .default("8192")
            .what("Bytes in the path and query of a URL, 256 to 65000.");

        MAX_HEADERS: usize = Setting::new("max_headers", |text| count(text, 16, 96))
            .flag("N")
            .default("64")
            .what("Header fields of a request, 16 to 96.");

        MAX_HEADER_BYTES: usize = Setting::new("max_header_bytes", |text| count(text, 1024, 98_304))
            .flag("N")
            .default("16384")
            .what("Bytes in all header fields of a request together, 1024 to 98304.");

        DRAIN_DELAY: Duration = Setting::new("drain_delay", drain_delay)
            .flag("TIME")
            .default("0")
            .what(
                "How long a server that was asked to stop continues to serve, up to 1h. Meanwhile \
                 `/readyz` is 503, and each answer closes its connection. Behind a load balancer, \
                 set it to more than the time that the balancer takes to notice.",
            )
            .see("operations.md");

        SHUTDOWN_TIMEOUT: Duration = Setting::new("shutdown_timeout", long_time)
            .flag("TIME")
            .default("20s")
            .what(
                "Longest time for requests in progress when the server stops, in whole seconds; \
                 at least 1s.",
            );

        DOCS: bool = Setting::new("docs", boolean)
            .flag("BOOL")
            .default("true")
            .what(
                "Whether `/openapi.json` and `/docs` are served, without an API key: `true` or \
                 `false`.",
            );
    }

    "TLS" => {
        TLS_CERT_FILE: Option<PathBuf> = Setting::new("tls_cert_file", |text| some(path(text)))
            .flag("FILE")
            .optional("none, plain HTTP")
            .what(
                "PEM file with the certificate of the server and its chain. The listener then \
                 accepts TLS only. The files of TLS are read again every 2 seconds.",
            )
            .see("limits.md");

        TLS_KEY_FILE: Option<PathBuf> = Setting::new("tls_key_file", |text| some(path(text)))
            .flag("FILE")
            .optional("none")
            .what(
                "PEM file with the private key of the certificate. Refused if others can read or \
                 change it.",
            );

        TLS_CLIENT_CA_FILE: Option<PathBuf> =
            Setting::new("tls_client_ca_file", |text| some(path(text)))
                .flag("FILE")
                .optional("none")
                .what("PEM file with the authorities of client certificates.");

        // Whether they are required.
        TLS_CLIENT_AUTH: bool = Setting::new("tls_client_auth", |text| {
            word(text, &[("required", true), ("optional", false)])
        })
        .flag("RULE")
        .default("required")
        .what(
            "Whether a client must have a certificate of the authorities in `tls_client_ca_file`: \
             `required` or `optional`.",
        );
    }

    "Rate limits" => {
        // Well above the rate that one server can answer: only a limit that was set is noticed.
        KEY_RATE: Rate = Setting::new("key_rate", rate)
            .flag("RATE")
            .default("100000/s")
            .what(
                "Long-term rate of requests with one API key or of one OAuth 2.0 client, per `s`, \
                 `m` or `h`, such as 500/s; `off`: unlimited.",
            )
            .see("limits.md");

        KEY_BURST: Option<NonZeroU32> = Setting::new("key_burst", |text| some(burst(text)))
            .flag("N")
            .optional("the number of the rate")
            .what("Requests with one API key at once, 1 to 1000000.");

        ORG_RATE: Rate = Setting::new("org_rate", rate)
            .flag("RATE")
            .default("200000/s")
            .what("Long-term rate of requests of one organization; `off`: unlimited.");

        ORG_BURST: Option<NonZeroU32> = Setting::new("org_burst", |text| some(burst(text)))
            .flag("N")
            .optional("the number of the rate")
            .what("Requests of one organization at once, 1 to 1000000.");

        // A token is valid for a day by default, and each is a row.
        TOKEN_RATE: Rate = Setting::new("token_rate", rate)
            .flag("RATE")
            .default("60/m")
            .what(
                "Long-term rate of access tokens that one OAuth 2.0 client obtains from this \
                 server; `off`: unlimited.",
            )
            .see("limits.md");

        TOKEN_BURST: Option<NonZeroU32> = Setting::new("token_burst", |text| some(burst(text)))
            .flag("N")
            .optional("the number of the rate")
            .what("Access tokens that one OAuth 2.0 client obtains at once, 1 to 1000000.");

        // More than mistakes and tests need, and too few to make a flood worthwhile.
        FAILED_AUTH_RATE: Rate = Setting::new("failed_auth_rate", rate)
            .flag("RATE")
            .default("1000/m")
            .what(
                "Long-term rate of failed authentications from one address; `off`: unlimited. \
                 Above it, requests from there are refused unless their key was issued here.",
            )
            .see("limits.md");

        FAILED_AUTH_BURST: Option<NonZeroU32> =
            Setting::new("failed_auth_burst", |text| some(burst(text)))
                .flag("N")
                .optional("the number of the rate")
                .what("Failed authentications from one address at once, 1 to 1000000.");

        TRUSTED_PROXIES: Vec<IpNet> = Setting::new("trusted_proxies", networks)
            .flag("NET …")
            .default_fn("none", Vec::new)
            .what(
                "Proxies whose `X-Forwarded-For` is trusted: addresses or networks, separated by \
                 spaces.",
            )
            .see("limits.md");
    }

    "Credentials" => {
        BLOB_VALIDATION: BlobValidation = Setting::new("blob_validation", |text| {
            word(text, &[("typed", BlobValidation::Typed), ("object", BlobValidation::Object)])
        })
        .formerly("blob_rules")
        .flag("RULES")
        .default("typed")
        .what(
            "How `json_blob` is validated. `typed`: it has the members that its type needs; \
             `object`: it is any object that is not empty.",
        )
        .see("status-codes.md");

        ANONYMOUS_ORG: Option<OrgId> =
            Setting::new("anonymous_org", |text| some(organization(text)))
                .flag("ORG_ID")
                .optional("none")
                .what(
                    "Id of an organization. Callers without an API key may manage the keys of its \
                     users on the Pieces surface, and nothing else.",
                )
                .see("pieces.md");
    }

    "Relay" => {
        RELAY: bool = Setting::new("relay", boolean)
            .flag("BOOL")
            .default("false")
            .what(
                "Whether credentials can be used without a reveal: Strongroom puts the credential \
                 into the caller's request, and sends it on.",
            )
            .see("relay.md");

        EGRESS_DNS: Option<SocketAddr> = Setting::new("egress_dns", |text| some(address(text)))
            .flag("ADDR:PORT")
            .optional("those of the system")
            .what("DNS server that names of other hosts are resolved by.")
            .see("relay.md#where-requests-go");

        EGRESS_CA_FILE: Option<PathBuf> = Setting::new("egress_ca_file", |text| some(path(text)))
            .flag("FILE")
            .optional("none")
            .what(
                "PEM file with certificates of authorities that other hosts are trusted by, beside \
                 those of the system.",
            )
            .see("relay.md#where-requests-go");

        EGRESS_ALLOW_NETWORKS: Vec<IpNet> = Setting::new("egress_allow_networks", networks)
            .flag("NET …")
            .default_fn("none", Vec::new)
            .what(
                "Networks that requests to other hosts may go to although their addresses are not \
                 public, separated by spaces. Metadata services of clouds are never among them.",
            )
            .see("relay.md#where-requests-go");

        EGRESS_CONNECT_TIMEOUT: Duration = Setting::new("egress_connect_timeout", time)
            .flag("TIME")
            .default("5s")
            .what("Longest time to resolve another host, connect to it, and finish TLS.");

        EGRESS_MAX_REQUESTS: usize =
            Setting::new("egress_max_requests", |text| count(text, 1, 100_000))
                .flag("N")
                .default("2048")
                .what("Requests to other hosts at a time. A further one is answered 503.");

        EGRESS_ORG_MAX_REQUESTS: usize =
            Setting::new("egress_org_max_requests", |text| count(text, 1, 100_000))
                .flag("N")
                .default("1024")
                .what("The same of one organization.");

        EGRESS_HOST_MAX_REQUESTS: usize =
            Setting::new("egress_host_max_requests", |text| count(text, 1, 100_000))
                .flag("N")
                .default("1024")
                .what("The same to one host.");
    }

    "Background work" => {
        SCRUB_INTERVAL: Option<Duration> = Setting::new("scrub_interval", scrub_interval)
            .formerly("verify_interval")
            .flag("TIME")
            .default("24h")
            .what(
                "Time from the start of one integrity scrub, which checks all stored credentials, \
                 to the next, 1s to 30d; `off`: no scrub.",
            )
            .see("integrity.md");

        AUDIT_ROOT_INTERVAL: Option<Duration> =
            Setting::new("audit_root_interval", scrub_interval)
                .flag("TIME")
                .default("1h")
                .what(
                    "Time from one signed root of all audit trails, which goes into the log, to \
                     the next, 1s to 30d; `off`: no roots.",
                )
                .see("audit.md#roots-in-the-log");

        PURGE_INTERVAL: Duration = Setting::new("purge_interval", long_time)
            .flag("TIME")
            .default("5m")
            .what(
                "How often deleted credentials past their recovery window and former values beyond \
                 `versions_kept` are removed, and how often what expires is counted for the \
                 metrics, 1s to 1h.",
            )
            .see("lifecycle.md");

        DAILY_TOTALS_INTERVAL: Duration = Setting::new("daily_totals_interval", long_time)
            .flag("TIME")
            .default("15m")
            .what(
                "How often the reveals and relays of each day are counted in the audit trails, 1s \
                 to 1h.",
            )
            .see("audit.md#daily-totals");

        LAST_USED_FLUSH_INTERVAL: Duration =
            Setting::new("last_used_flush_interval", last_used_flush_interval)
                .formerly("use_flush_interval")
                .flag("TIME")
                .default("20s")
                .what("How often last-used times are written to the database, 10ms to 30s.");
    }

    "Console" => {
        CONSOLE: bool = Setting::new("console", boolean)
            .flag("BOOL")
            .default("false")
            .what(
                "Whether the console, pages for a browser, is served at `/console`: `true` or \
                 `false`.",
            )
            .see("console.md");

        CONSOLE_LISTEN: Option<SocketAddr> =
            Setting::new("console_listen", |text| some(address(text)))
                .flag("ADDR:PORT")
                .optional("beside the API")
                .what(
                    "IP address and port of a listener for the console, which is then no longer \
                     served beside the API. It has the same TLS.",
                )
                .see("console.md");
    }

    "Metrics and traces" => {
        METRICS_LISTEN: Option<SocketAddr> =
            Setting::new("metrics_listen", |text| some(address(text)))
                .flag("ADDR:PORT")
                .optional("beside the API")
                .what(
                    "IP address and port of a listener for `/metrics`, which is then no longer \
                     served beside the API.",
                );

        METRICS_BY_ORGANIZATION: bool = Setting::new("metrics_by_organization", boolean)
            .flag("BOOL")
            .default("false")
            .what(
                "Whether metrics also count requests by organization, with ids as labels: `true` \
                 or `false`.",
            );

        OTLP_ENDPOINT: Option<String> = Setting::new("otlp_endpoint", |text| some(collector(text)))
            .flag("URL")
            .secret()
            .fallbacks(&[TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT"])
            .optional("none")
            .what(
                "Collector of OpenTelemetry traces that accepts OTLP over HTTP, such as \
                 `http://127.0.0.1:4318`. `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and \
                 `OTEL_EXPORTER_OTLP_ENDPOINT` are read last, after the file.",
            )
            .see("observability.md");

        TRACE_SAMPLE_RATIO: Option<f64> =
            Setting::new("trace_sample_ratio", |text| some(ratio(text)))
                .flag("RATIO")
                .optional("1")
                .what("Share of requests that are traced if their sender did not decide, 0 to 1.");
    }

    "Log" => {
        LOG_FORMAT: LogFormat = Setting::new("log_format", |text| {
            let (auto, json, human) = (LogFormat::Auto, LogFormat::Json, LogFormat::Human);
            word(text, &[("auto", auto), ("json", json), ("human", human)])
        })
        .flag("FORMAT")
        .default("auto")
        .what("`json`, `human`, or `auto`: human on a terminal, else JSON.");

        LOG_LEVEL: Level = Setting::new("log_level", log_level)
            .flag("LEVEL")
            .default("info")
            .what("`error`, `warn`, `info`, `debug` or `trace`.");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::setting::Row;

    fn rows() -> impl Iterator<Item = &'static Row> {
        ALL.iter().map(|setting| setting.row())
    }

    #[test]
    fn every_name_is_used_once() {
        let names = rows().flat_map(|row| [Some(row.key), row.former]).flatten();
        let names: Vec<_> = names.collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn every_default_is_a_value() {
        for setting in ALL {
            let row = setting.row();
            assert_eq!(setting.has_default(), row.default.is_some(), "{}", row.key);
        }
    }

    #[test]
    fn only_secrets_have_no_flag() {
        for row in rows().filter(|row| row.flag.is_none()) {
            assert!(row.secret, "{}", row.key);
        }
    }

    #[test]
    fn every_setting_is_described() {
        for row in rows() {
            assert!(
                row.what.ends_with('.') && !row.section.is_empty(),
                "{}",
                row.key
            );
        }
    }

    #[test]
    fn the_default_address_is_loopback() {
        let listen = rows().find(|row| row.key == LISTEN.key()).unwrap();
        assert!(address(listen.default.unwrap()).unwrap().ip().is_loopback());
    }
}
