use super::*;

fn admits(rules: &AddressRules, address: &str) -> bool {
    rules.admit(address.parse().unwrap())
}

fn allowing(networks: &[&str]) -> AddressRules {
    let networks = networks.iter().map(|network| network.parse().unwrap());
    AddressRules::new(networks.collect())
}

/// The first and last address of each refused range, and the public neighbors on both sides.
const EDGES_V4: &[(&str, &str, &str, &str)] = &[
    ("", "0.0.0.0", "0.255.255.255", "1.0.0.0"),
    ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
    (
        "100.63.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "100.128.0.0",
    ),
    (
        "126.255.255.255",
        "127.0.0.0",
        "127.255.255.255",
        "128.0.0.0",
    ),
    (
        "168.63.129.15",
        "168.63.129.16",
        "168.63.129.16",
        "168.63.129.17",
    ),
    (
        "169.253.255.255",
        "169.254.0.0",
        "169.254.255.255",
        "169.255.0.0",
    ),
    (
        "172.15.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "172.32.0.0",
    ),
    ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
    ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
    (
        "192.31.195.255",
        "192.31.196.0",
        "192.31.196.255",
        "192.31.197.0",
    ),
    (
        "192.52.192.255",
        "192.52.193.0",
        "192.52.193.255",
        "192.52.194.0",
    ),
    (
        "192.88.98.255",
        "192.88.99.0",
        "192.88.99.255",
        "192.88.100.0",
    ),
    (
        "192.167.255.255",
        "192.168.0.0",
        "192.168.255.255",
        "192.169.0.0",
    ),
    (
        "192.175.47.255",
        "192.175.48.0",
        "192.175.48.255",
        "192.175.49.0",
    ),
    (
        "198.17.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.20.0.0",
    ),
    (
        "198.51.99.255",
        "198.51.100.0",
        "198.51.100.255",
        "198.51.101.0",
    ),
    (
        "203.0.112.255",
        "203.0.113.0",
        "203.0.113.255",
        "203.0.114.0",
    ),
    ("223.255.255.255", "224.0.0.0", "239.255.255.255", ""),
    ("", "240.0.0.0", "255.255.255.255", ""),
];

const EDGES_V6: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "::",
        "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2000::",
    ),
    (
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::",
    ),
    (
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
    ),
    (
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002::",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::",
    ),
    (
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    ),
    (
        "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "",
    ),
];

#[test]
fn ranges_are_refused_from_their_first_to_their_last_address() {
    let rules = AddressRules::default();
    for (before, first, last, after) in EDGES_V4.iter().chain(EDGES_V6) {
        for public in [before, after] {
            assert!(public.is_empty() || admits(&rules, public), "{public}");
        }
        for special in [first, last] {
            assert!(!admits(&rules, special), "{special}");
        }
    }
}

#[test]
fn an_embedded_address_counts_as_itself() {
    for (_, first, last, _) in EDGES_V4 {
        for inner in [first, last] {
            let inner: Ipv4Addr = inner.parse().unwrap();
            let everything = allowing(&["::/0"]);
            let bits = u128::from(inner.to_bits());
            let forms = [
                inner.to_ipv6_mapped(),
                Ipv6Addr::from_bits(bits | 0xffff_0000 << 32),
                Ipv6Addr::from_bits(bits | 0x0064_ff9b << 96),
                Ipv6Addr::from_bits(bits | 0x0064_ff9b_0001 << 80),
                Ipv6Addr::from_bits(bits << 80 | 0x2002 << 112),
                Ipv6Addr::from_bits(bits << 64 | 0x2001 << 112 | 0xf7f7_f7f7),
                Ipv6Addr::from_bits(u128::from(!inner.to_bits()) | 0x2001_0000_0808_0808 << 64),
                Ipv6Addr::from_bits(bits | 0x2600_0000_0000_0000_0000_5efe << 32),
                Ipv6Addr::from_bits(bits | 0x2600_0000_0000_0000_0200_5efe << 32),
            ];
            for form in forms {
                assert!(!AddressRules::default().admit(form.into()), "{form}");
                assert!(!everything.admit(form.into()), "{form} of {inner}");
            }
        }
    }
    let rules = AddressRules::default();
    assert!(admits(&rules, "::ffff:8.8.8.8"));
    for form in [
        "::8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "::ffff:0:8.8.8.8",
    ] {
        assert!(!admits(&rules, form), "{form}");
        assert!(admits(&allowing(&["::/0"]), form), "{form}");
    }
}

#[test]
fn allowed_networks_open_private_addresses() {
    let rules = allowing(&["10.1.0.0/16", "127.0.0.0/8", "fd12::/16", "::1/128"]);
    for open in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "127.0.0.1",
        "fd12::1",
        "::1",
        "8.8.8.8",
    ] {
        assert!(admits(&rules, open), "{open}");
    }
    for closed in [
        "10.2.0.1",
        "192.168.0.1",
        "fd13::1",
        "::10.1.2.3",
        "::2",
        "2001:db8::1",
    ] {
        assert!(!admits(&rules, closed), "{closed}");
    }
    let rules = allowing(&["10.0.0.0/8", "64:ff9b::/96"]);
    assert!(admits(&rules, "64:ff9b::10.1.2.3"));
    assert!(!admits(&rules, "64:ff9b::172.16.0.1"));
}

#[test]
fn no_network_opens_an_address_of_a_metadata_service() {
    let rules = allowing(&["0.0.0.0/0", "::/0", "169.254.0.0/16", "168.63.129.16/32"]);
    for closed in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.1",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
        "fe80::1",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2600::5efe:a9fe:a9fe",
    ] {
        assert!(!admits(&rules, closed), "{closed}");
    }
    for open in ["10.0.0.1", "127.0.0.1", "fd12::1", "::1", "100.64.0.1"] {
        assert!(admits(&rules, open), "{open}");
    }
}
