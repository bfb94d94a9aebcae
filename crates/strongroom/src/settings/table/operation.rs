//! Settings of the console, metrics, traces and logs.

use std::net::SocketAddr;

use tracing::Level;

use crate::logging::LogFormat;
use crate::settings::setting::{AnySetting, Setting, settings};
use crate::settings::values::{address, boolean, collector, log_level, ratio, some, word};

/// A variable of OpenTelemetry with the whole URL for traces, to which nothing is appended.
pub(in crate::settings) const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

settings! {
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
