//! What the text of a value means, and what is wrong with it.

use std::net::SocketAddr;
use std::time::Duration;

use strongroom_domain::OrgId;
use strongroom_domain::blob::BlobRules;

use super::serve::LogFormat;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8700 or [::1]:8700".into()
    })
}

pub(super) fn collector(text: &str) -> Result<&str, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split('/').next());
    match host {
        Some(host) if host.contains('@') => {
            Err("must not hold a password; put it into OTEL_EXPORTER_OTLP_HEADERS".into())
        }
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(text),
        _ => Err("must be a collector's URL, such as http://127.0.0.1:4318".into()),
    }
}

pub(super) fn ratio(text: &str) -> Result<Option<f64>, String> {
    let ratio = text.parse().ok();
    let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio
        .map(Some)
        .ok_or_else(|| "must be a number from 0 to 1, such as 0.01".into())
}

pub(super) fn yes(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".into())
}

pub(super) fn count(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

// The HTTP server's own clock moves every half second, so anything shorter would end requests at random.
pub(super) fn long_time(text: &str) -> Result<Duration, String> {
    time(text)
        .ok()
        .filter(|time| *time >= Duration::from_secs(1))
        .ok_or_else(|| "must be a time from 1s to 1h, such as 10s or 2m".into())
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let longest = Duration::from_secs(3600);
    span(text)
        .filter(|time| *time >= Duration::from_millis(1) && *time <= longest)
        .ok_or_else(|| "must be a time from 1ms to 1h, such as 500ms, 10s or 2m".into())
}

pub(super) fn drain_delay(text: &str) -> Result<Duration, String> {
    span(text)
        .filter(|time| *time <= Duration::from_secs(3600))
        .ok_or_else(|| "must be a time from 0 to 1h, such as 10s".into())
}

pub(super) fn verify_interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" || text == "0" {
        return Ok(None);
    }
    let longest = Duration::from_secs(30 * 24 * 3600);
    span(text)
        .filter(|time| *time >= Duration::from_secs(1) && *time <= longest)
        .map(Some)
        .ok_or_else(|| "must be off, or a time from 1s to 30d, such as 12h or 7d".into())
}

// The bound keeps last uses from being older than half a minute.
pub(super) fn use_flush_interval(text: &str) -> Result<Duration, String> {
    let longest = Duration::from_secs(30);
    span(text)
        .filter(|time| *time >= Duration::from_millis(10) && *time <= longest)
        .ok_or_else(|| "must be a time from 10ms to 30s".into())
}

// Seconds, or a number with a unit.
fn span(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

pub(super) fn organization(text: &str) -> Result<Option<OrgId>, String> {
    let id = OrgId::parse(text);
    id.map(Some)
        .ok_or_else(|| "must be an organization's id, as `strongroom org list` shows it".into())
}

pub(super) fn blob_rules(text: &str) -> Result<BlobRules, String> {
    match text {
        "typed" => Ok(BlobRules::Typed),
        "object" => Ok(BlobRules::Object),
        _ => Err("must be typed or object".into()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "json" => Ok(LogFormat::Json),
        "human" => Ok(LogFormat::Human),
        _ => Err("must be auto, json or human".into()),
    }
}

pub(super) fn log_level(text: &str) -> Result<tracing::Level, String> {
    text.parse()
        .map_err(|_| "must be error, warn, info, debug or trace".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        assert_eq!(time("5"), Ok(Duration::from_secs(5)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0", "-1", "x", "2h", "10 bananas"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_http_server_measures_is_a_second_or_more() {
        assert_eq!(long_time("1500ms"), Ok(Duration::from_millis(1500)));
        for bad in ["999ms", "0", "2h"] {
            assert!(long_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_scrub_can_be_switched_off() {
        assert_eq!(verify_interval("off"), Ok(None));
        assert_eq!(verify_interval("0"), Ok(None));
        assert_eq!(
            verify_interval("7d"),
            Ok(Some(Duration::from_secs(7 * 86_400)))
        );
        for bad in ["", "never", "500ms", "31d"] {
            assert!(verify_interval(bad).is_err(), "{bad}");
        }
        assert!(use_flush_interval("1m").is_err());
        assert_eq!(drain_delay("0"), Ok(Duration::ZERO));
        assert!(drain_delay("2h").is_err());
    }
}
