//! Settings of credentials, relays and background work.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use strongroom_domain::OrgId;
use strongroom_domain::blob::BlobValidation;

use crate::settings::rates::networks;
use crate::settings::setting::{AnySetting, Setting, settings};
use crate::settings::values::{
    address, boolean, count, last_used_flush_interval, long_time, organization, path,
    scrub_interval, some, time, word,
};

settings! {
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
}
