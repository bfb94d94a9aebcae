use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use strongroom_web::settings::{LimitSettings, Rate, RequestSizes};

use super::sources::{ConfigError, Key, Sources};
use super::values::count;
use crate::cli::LimitArgs;

/// Well above what one server can answer, so that nobody meets them who did not set them.
const PER_KEY: (u32, u64) = (100_000, 1);
const PER_ORGANIZATION: (u32, u64) = (200_000, 1);
/// More than mistakes and tests need, and not worth a flood's while.
const FAILURES: (u32, u64) = (1000, 60);
const MOST: u32 = 1_000_000;

/// The flags of limits, by their settings' names.
pub(super) fn limit_flags(args: &LimitArgs) -> Vec<(Key, Option<String>)> {
    vec![
        ("key_rate", args.key_rate.clone()),
        ("key_burst", args.key_burst.clone()),
        ("org_rate", args.org_rate.clone()),
        ("org_burst", args.org_burst.clone()),
        ("failed_auth_rate", args.failed_auth_rate.clone()),
        ("failed_auth_burst", args.failed_auth_burst.clone()),
        ("trusted_proxies", args.trusted_proxies.clone()),
        ("max_body", args.max_body.clone()),
        ("max_url", args.max_url.clone()),
        ("max_headers", args.max_headers.clone()),
        ("max_header_bytes", args.max_header_bytes.clone()),
        ("write_timeout", args.write_timeout.clone()),
    ]
}

/// How much callers may ask for.
pub(super) fn limits_from(sources: &Sources) -> Result<LimitSettings, ConfigError> {
    Ok(LimitSettings {
        per_key: rate_from(sources, "key_rate", "key_burst", PER_KEY)?,
        per_organization: rate_from(sources, "org_rate", "org_burst", PER_ORGANIZATION)?,
        failures: rate_from(sources, "failed_auth_rate", "failed_auth_burst", FAILURES)?,
        trusted_proxies: sources.parse("trusted_proxies", Vec::new(), networks)?,
    })
}

/// How large requests may be. The HTTP library itself takes at most 96 header fields, and 128 KiB of a head.
pub(super) fn sizes_from(sources: &Sources) -> Result<RequestSizes, ConfigError> {
    let default = RequestSizes::default();
    Ok(RequestSizes {
        url: sources.parse("max_url", default.url, |text| count(text, 256, 65_000))?,
        headers: sources.parse("max_headers", default.headers, |text| count(text, 16, 96))?,
        header_bytes: sources.parse("max_header_bytes", default.header_bytes, |text| {
            count(text, 1024, 98_304)
        })?,
        body: sources.parse("max_body", default.body, |text| {
            count(text, 1024, 1024 * 1024)
        })?,
    })
}

fn rate_from(
    sources: &Sources,
    rate: Key,
    burst: Key,
    (most, seconds): (u32, u64),
) -> Result<Option<Rate>, ConfigError> {
    let default = number(most).zip(Some(Duration::from_secs(seconds)));
    let rate = sources.parse(rate, default, parse_rate)?;
    let burst = sources.parse(burst, None, |text| {
        number_in(text).map(Some).ok_or_else(burst_form)
    })?;
    Ok(rate.map(|(count, per)| Rate {
        count,
        per,
        burst: burst.unwrap_or(count),
    }))
}

fn parse_rate(text: &str) -> Result<Option<(NonZeroU32, Duration)>, String> {
    if text == "off" {
        return Ok(None);
    }
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let per = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let rate = number_in(count).zip(per.map(Duration::from_secs));
    rate.map(Some).ok_or_else(|| {
        format!(
            "must be off, or a whole number from 1 to {MOST} per s, m or h, such as 500/s or 100/m"
        )
    })
}

fn burst_form() -> String {
    format!("must be a whole number from 1 to {MOST}")
}

fn number_in(text: &str) -> Option<NonZeroU32> {
    number(text.parse().ok()?)
}

fn number(number: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(number).filter(|number| number.get() <= MOST)
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let separated = text.split([' ', ',', '\t', '\n']);
    separated
        .filter(|one| !one.is_empty())
        .map(|one| {
            let address = one.parse().map(|address: std::net::IpAddr| address.into());
            one.parse().or(address).map_err(|_| {
                format!("{one:?} is no address or network, such as 10.0.0.5 or 10.0.0.0/8")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit_or_are_per_second() {
        let read = |text| parse_rate(text).unwrap().unwrap();
        assert_eq!(
            (read("7").0.get(), read("7").1),
            (7, Duration::from_secs(1))
        );
        assert_eq!(read("7/s"), read("7"));
        assert_eq!(read("90/m").1, Duration::from_secs(60));
        assert_eq!(read("1000/h").1, Duration::from_secs(3600));
        assert_eq!(parse_rate("off"), Ok(None));
        for bad in ["", "0", "-1", "1.5", "1/d", "1/", "/s", "1000001", "many"] {
            assert!(parse_rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let read = networks("10.0.0.5 192.168.0.0/16,fd00::/8").unwrap();
        let read: Vec<_> = read.iter().map(IpNet::to_string).collect();
        assert_eq!(read, ["10.0.0.5/32", "192.168.0.0/16", "fd00::/8"]);
        assert!(networks("").unwrap().is_empty());
        for bad in ["proxy", "10.0.0.0/33", "10.0.0.1:80"] {
            assert!(networks(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
