//! Parsers of values. Their errors say what a value looks like.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_domain::OrgId;
use strongroom_storage::{DatabaseUrl, RegionSettings};

/// Wraps the result of another parser, for a setting that may be left out.
pub(super) fn some<T>(value: Result<T, String>) -> Result<Option<T>, String> {
    value.map(Some)
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    DatabaseUrl::parse(text.trim()).map_err(|error| error.to_string())
}

/// NAME=URL, separated by white space, since a URL of several hosts contains commas.
pub(super) fn regions(text: &str) -> Result<Vec<RegionSettings>, String> {
    let mut regions: Vec<RegionSettings> = Vec::new();
    for entry in text.split_whitespace() {
        let (name, url) = entry
            .split_once('=')
            .ok_or("must be entries of the form NAME=URL, separated by spaces")?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 63 || !name.bytes().all(allowed) {
            return Err("a region's name must be 1 to 63 letters, digits, - or _".into());
        }
        if regions.iter().any(|region| region.name == name) {
            return Err(format!("names the region {name} twice"));
        }
        let url = DatabaseUrl::parse(url).map_err(|error| format!("region {name}: {error}"))?;
        let name = name.to_owned();
        regions.push(RegionSettings { name, url });
    }
    Ok(regions)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8700 or [::1]:8700".into()
    })
}

pub(super) fn collector(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split('/').next());
    match host {
        Some(host) if host.contains('@') => {
            Err("must not hold a password; put it into OTEL_EXPORTER_OTLP_HEADERS".into())
        }
        Some(host) if !host.is_empty() && !text.contains(char::is_whitespace) => Ok(text.into()),
        _ => Err("must be a collector's URL, such as http://127.0.0.1:4318".into()),
    }
}

pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok();
    let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "must be a number from 0 to 1, such as 0.01".into())
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".into())
}

/// The value beside the word that `text` is, of `words`.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let (last, others) = words.split_last().unwrap_or((&"", &[]));
        format!("must be {} or {last}", others.join(", "))
    })
}

pub(super) fn count(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// At least a second: the HTTP server's own clock moves every half second, so that a shorter time
/// would end requests at random.
pub(super) fn long_time(text: &str) -> Result<Duration, String> {
    let problem = "must be a time from 1s to 1h, such as 10s or 2m";
    between(
        text,
        Duration::from_secs(1),
        Duration::from_secs(3600),
        problem,
    )
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let problem = "must be a time from 1ms to 1h, such as 500ms, 10s or 2m";
    between(
        text,
        Duration::from_millis(1),
        Duration::from_secs(3600),
        problem,
    )
}

pub(super) fn drain_delay(text: &str) -> Result<Duration, String> {
    let problem = "must be a time from 0 to 1h, such as 10s";
    between(text, Duration::ZERO, Duration::from_secs(3600), problem)
}

pub(super) fn scrub_interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" || text == "0" {
        return Ok(None);
    }
    let longest = Duration::from_secs(30 * 24 * 3600);
    let problem = "must be off, or a time from 1s to 30d, such as 12h or 7d";
    some(between(text, Duration::from_secs(1), longest, problem))
}

/// At most 30 seconds, so that last-used times are not older than half a minute.
pub(super) fn last_used_flush_interval(text: &str) -> Result<Duration, String> {
    let problem = "must be a time from 10ms to 30s";
    between(
        text,
        Duration::from_millis(10),
        Duration::from_secs(30),
        problem,
    )
}

/// Seconds, or a number with a unit.
fn between(text: &str, least: Duration, most: Duration, problem: &str) -> Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    time.filter(|time| (least..=most).contains(time))
        .ok_or_else(|| problem.to_owned())
}

pub(super) fn organization(text: &str) -> Result<OrgId, String> {
    OrgId::parse(text)
        .ok_or_else(|| "must be an organization's id, as `strongroom org list` shows it".into())
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
    fn times_that_the_http_server_measures_are_a_second_or_more() {
        assert_eq!(long_time("1500ms"), Ok(Duration::from_millis(1500)));
        for bad in ["999ms", "0", "2h"] {
            assert!(long_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_scrub_can_be_switched_off() {
        assert_eq!(scrub_interval("off"), Ok(None));
        assert_eq!(scrub_interval("0"), Ok(None));
        let week = Duration::from_secs(7 * 86_400);
        assert_eq!(scrub_interval("7d"), Ok(Some(week)));
        for bad in ["", "never", "500ms", "31d"] {
            assert!(scrub_interval(bad).is_err(), "{bad}");
        }
        assert!(last_used_flush_interval("1m").is_err());
        assert_eq!(drain_delay("0"), Ok(Duration::ZERO));
        assert!(drain_delay("2h").is_err());
    }

    #[test]
    fn the_error_for_a_wrong_word_lists_the_right_ones() {
        let words = [("auto", 1), ("json", 2), ("human", 3)];
        assert_eq!(word("json", &words), Ok(2));
        assert_eq!(
            word("xml", &words).unwrap_err(),
            "must be auto, json or human"
        );
        assert_eq!(word("x", &words[..2]).unwrap_err(), "must be auto or json");
    }

    #[test]
    fn regions_have_names_and_urls() {
        let read = regions("eu=postgresql://u@a,b/d\n us=postgresql://u@c/d").unwrap();
        let names: Vec<_> = read.iter().map(|region| region.name.as_str()).collect();
        assert_eq!(names, ["eu", "us"]);
        assert!(regions("").unwrap().is_empty());
        for bad in [
            "eu",
            "=postgresql://u@a/d",
            "e.u=postgresql://u@a/d",
            "eu=mysql://u:hunter2@a/d",
            "eu=postgresql://u@a/d eu=postgresql://u:hunter2@b/d",
        ] {
            assert!(!regions(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
