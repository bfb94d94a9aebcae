//! The address that a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use actix_web::web::Data;
use ipnet::IpNet;

use crate::state::AppState;

/// The client's address: the TCP peer's, or, behind trusted proxies, the one that the outermost of
/// them reports.
pub(crate) fn address(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let state = request.app_data::<Data<AppState>>();
    let trusted = state.map_or(&[][..], |state| &state.limits.trusted_proxies);
    if trusted.is_empty() {
        return Some(peer);
    }
    Some(outermost(peer, request.headers(), trusted))
}

/// Whether the TCP peer is a trusted proxy.
pub(crate) fn is_from_trusted_proxy(request: &HttpRequest) -> bool {
    let state = request.app_data::<Data<AppState>>();
    let trusted = state.map_or(&[][..], |state| &state.limits.trusted_proxies);
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| trusted.iter().any(|net| net.contains(&peer)))
}

/// Whether the client uses HTTPS: to this server, or, behind a trusted proxy, to that.
#[must_use]
pub fn is_https(request: &HttpRequest) -> bool {
    let state = request.app_data::<Data<AppState>>();
    if state.is_some_and(|state| state.settings.tls) {
        return true;
    }
    let protocol = request.headers().get(X_FORWARDED_PROTO);
    let protocol = protocol.and_then(|protocol| protocol.to_str().ok());
    // Each proxy may append the protocol of its peer; the first one is the client's.
    let first = protocol.and_then(|list| list.split(',').next());
    let is_https = first.is_some_and(|first| first.trim().eq_ignore_ascii_case("https"));
    is_https && is_from_trusted_proxy(request)
}

/// The network that failures are counted for: an IPv4 address, or the first 64 bits of an IPv6
/// address.
pub(crate) fn network(request: &HttpRequest) -> IpAddr {
    match address(request) {
        Some(IpAddr::V6(address)) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        Some(address) => address,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

// Each proxy appends the address of its peer, so the header is read from the right. An entry counts
// while the sender of the request to its right is a trusted proxy; entries left of the first
// untrusted address come from that client.
fn outermost(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer;
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let hops = lines.into_iter().rev().flat_map(|line| {
        // Entries are decoded one by one, so that invalid bytes from a client hide no valid entry.
        let hops = line.as_bytes().rsplit(|byte| *byte == b',');
        hops.map(|hop| parse(std::str::from_utf8(hop).ok()?))
    });
    for hop in hops {
        if !is_trusted(&client) {
            break;
        }
        let Some(hop) = hop else {
            break;
        };
        client = hop;
    }
    client
}

// An address, with or without a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let with_port = || hop.parse().ok().map(|address: SocketAddr| address.ip());
    let address = bare.parse().ok().or_else(with_port)?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn seen(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(
                X_FORWARDED_FOR,
                HeaderValue::from_bytes(line.as_bytes()).unwrap(),
            );
        }
        outermost(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_count() {
        for (peer, forwarded, client) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                &["1.2.3.4, 198.51.100.1,10.0.0.2"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["1.2.3.4", "198.51.100.1", "10.0.0.2"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["198.51.100.1:80"], "198.51.100.1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["\u{ff}, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            assert_eq!(seen(peer, forwarded), client, "{peer} {forwarded:?}");
        }
    }
}
