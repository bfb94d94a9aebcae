//! Settings of listeners, TLS and limits of requests.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::settings::rates::{burst, networks, rate};
use crate::settings::setting::{AnySetting, Setting, settings};
use crate::settings::values::{
    address, boolean, count, drain_delay, long_time, path, some, time, word,
};

type Rate = Option<(NonZeroU32, Duration)>;

settings! {
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
}
