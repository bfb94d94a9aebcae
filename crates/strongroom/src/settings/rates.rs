//! Parsers of the limits on callers: rates, bursts and proxies.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

/// Largest number of requests in a rate or a burst.
const MOST_REQUESTS: u32 = 1_000_000;

/// A number of requests within a time; `None` for any number.
pub(super) fn rate(text: &str) -> Result<Option<(NonZeroU32, Duration)>, String> {
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
    let rate = requests(count).zip(per.map(Duration::from_secs));
    rate.map(Some).ok_or_else(|| {
        format!(
            "must be off, or a whole number from 1 to {MOST_REQUESTS} per s, m or h, \
             such as 500/s or 100/m"
        )
    })
}

pub(super) fn burst(text: &str) -> Result<NonZeroU32, String> {
    requests(text).ok_or_else(|| format!("must be a whole number from 1 to {MOST_REQUESTS}"))
}

fn requests(text: &str) -> Option<NonZeroU32> {
    let number: NonZeroU32 = text.parse().ok()?;
    (number.get() <= MOST_REQUESTS).then_some(number)
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let separated = text.split([' ', ',', '\t', '\n']);
    separated
        .filter(|one| !one.is_empty())
        .map(|one| {
            let address = one.parse().map(|address: IpAddr| address.into());
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
        let read = |text| rate(text).unwrap().unwrap();
        let (count, per) = read("7");
        assert_eq!((count.get(), per), (7, Duration::from_secs(1)));
        assert_eq!(read("7/s"), read("7"));
        assert_eq!(read("90/m").1, Duration::from_secs(60));
        assert_eq!(read("1000/h").1, Duration::from_secs(3600));
        assert_eq!(rate("off"), Ok(None));
        for bad in ["", "0", "-1", "1.5", "1/d", "1/", "/s", "1000001", "many"] {
            assert!(rate(bad).is_err(), "{bad}");
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
