//! Which IP addresses requests may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Special-purpose ranges of IPv4 (IANA registry, RFC 6890), multicast, and the platform address of
/// Azure, which is in a public range.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Addresses that no setting opens: metadata services of clouds (link-local, Azure, Alibaba Cloud,
/// Oracle Cloud), and those that name no host.
const NEVER_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 100, 100, 200), 32),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(192, 0, 0, 192), 32),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// The range of global unicast addresses of IPv6.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Ranges within it that are special: protocol assignments, documentation, 6to4.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// As [`NEVER_V4`]; the metadata services are those of AWS and Google Cloud.
const NEVER_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

/// Decides about addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressRules {
    /// Networks that requests may go to although they are not public.
    allowed: Vec<IpNet>,
}

impl AddressRules {
    /// Rules that admit public addresses, and those in `allowed`.
    pub(crate) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether requests may go to `address`. An IPv6 address that contains an IPv4 address is
    /// admitted only where that one is.
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.admit_v4(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => self.admit_v4(mapped),
                None => self.admit_v6(address),
            },
        }
    }

    fn admit_v4(&self, address: Ipv4Addr) -> bool {
        let public = !within_v4(SPECIAL_V4, address);
        !within_v4(NEVER_V4, address) && (public || self.allows(address.into()))
    }

    fn admit_v6(&self, address: Ipv6Addr) -> bool {
        let public = matches_v6(&GLOBAL_V6, address) && !within_v6(SPECIAL_V6, address);
        !within_v6(NEVER_V6, address)
            && (public || self.allows(address.into()))
            && embedded(address).all(|inner| self.admit_v4(inner))
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allowed
            .iter()
            .any(|network| network.contains(&address))
    }
}

/// The IPv4 addresses that a gateway would read out of `address`: of the forms IPv4-compatible and
/// IPv4-translated, NAT64 (RFC 6052, RFC 8215), 6to4, Teredo and ISATAP.
fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let bits = address.to_bits();
    let last = Ipv4Addr::from_bits(bits as u32);
    let at = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    let within = |segments: [u16; 8], length| matches_v6(&(segments.into(), length), address);
    let compatible = within([0; 8], 96) && bits > 1;
    let translated = within([0, 0, 0, 0, 0xffff, 0, 0, 0], 96);
    let nat64 = within([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96)
        || within([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
    let isatap = matches!(address.segments()[4..6], [0 | 0x200, 0x5efe]);
    let teredo = within([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
    let six_to_four = within([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
    [
        (compatible || translated || nat64 || isatap).then_some(last),
        six_to_four.then(|| at(80)),
        teredo.then(|| at(64)),
        teredo.then(|| Ipv4Addr::from_bits(!(bits as u32))),
    ]
    .into_iter()
    .flatten()
}

fn within_v4(ranges: &[(Ipv4Addr, u32)], address: Ipv4Addr) -> bool {
    let inside = |(base, length): &(Ipv4Addr, u32)| {
        let differing = base.to_bits() ^ address.to_bits();
        differing.leading_zeros() >= *length
    };
    ranges.iter().any(inside)
}

fn within_v6(ranges: &[(Ipv6Addr, u32)], address: Ipv6Addr) -> bool {
    ranges.iter().any(|range| matches_v6(range, address))
}

fn matches_v6((base, length): &(Ipv6Addr, u32), address: Ipv6Addr) -> bool {
    (base.to_bits() ^ address.to_bits()).leading_zeros() >= *length
}

#[cfg(test)]
mod tests;
