//! Where requests go: addresses, names and certificates.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rcgen::CertificateParams;
use strongroom_domain::egress::EgressError;
use strongroom_domain::ports::egress::Egress;
use strongroom_egress::{EgressClient, InFlightLimits, OwnEndpoint};
use tokio::runtime::Handle;

use crate::dns::{Answers, DnsServer};
use crate::support::{NAME, Stage, addresses, always, answering, get, hanging, settings, to};
use crate::upstream::{Authority, Upstream, self_signed};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn refused(answers: Answers) -> bool {
    let stage = Stage::with(answering(OK), answers, |_| {}).await;
    let error = stage.get("/").await.unwrap_err();
    assert_eq!(stage.upstream.seen.connections(), 0);
    matches!(error, EgressError::AddressRefused { .. })
}

#[tokio::test]
async fn one_refused_address_refuses_the_name() {
    for found in [
        &["169.254.169.254"][..],
        &["10.0.0.1"],
        &["127.0.0.1", "192.168.0.1"],
        &["127.0.0.1", "::1"],
        &["127.0.0.1", "fd00:ec2::254"],
        &["::ffff:169.254.169.254", "127.0.0.1"],
        &["168.63.129.16"],
        &["0.0.0.0"],
    ] {
        assert!(
            refused(Arc::new(move |_, _| Some(addresses(found)))).await,
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn loopback_is_refused_unless_it_is_allowed() {
    let stage = Stage::with(answering(OK), always("127.0.0.1"), |settings| {
        settings.allow_networks.clear();
    });
    let error = stage.await.get("/").await.unwrap_err();
    assert!(
        matches!(error, EgressError::AddressRefused { .. }),
        "{error}"
    );
}

// The name leads to the server at first, and to a metadata service from then on.
#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_again() {
    let answers: Answers = Arc::new(|_, times| {
        Some(addresses(&[match times {
            0 => "127.0.0.1",
            _ => "169.254.169.254",
        }]))
    });
    let stage = Stage::with(answering(OK), answers, |_| {}).await;
    assert_eq!(stage.get("/").await.unwrap().0, 200);
    assert_eq!(stage.dns.queries.load(Ordering::SeqCst), 1);
    let error = stage.get("/").await.unwrap_err();
    assert!(
        matches!(error, EgressError::AddressRefused { .. }),
        "{error}"
    );
    assert_eq!(stage.upstream.seen.heads().len(), 1);
}

#[tokio::test]
async fn certificates_are_verified() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut expired = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    expired.not_before = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let dns = DnsServer::start(always("127.0.0.1")).await;
    for (server, is_valid) in [
        (authority.server(NAME), true),
        (authority.server("*.upstream.test"), true),
        (authority.server("other.upstream.test"), false),
        (authority.server_with(expired), false),
        (other.server(NAME), false),
        (self_signed(NAME), false),
    ] {
        let upstream = Upstream::start(server, answering(OK)).await;
        let client = EgressClient::start(settings(&authority, &dns), Handle::current()).unwrap();
        let opened = client.open(&to(NAME, upstream.address.port())).await;
        match opened {
            Ok(_) => assert!(is_valid),
            Err(error) => assert!(!is_valid && matches!(error, EgressError::Tls(_)), "{error}"),
        }
        assert_eq!(upstream.seen.heads().len(), 0);
    }
}

#[tokio::test]
async fn own_endpoints_are_refused() {
    let mut port = 0;
    let stage = Stage::with(answering(OK), always("127.0.0.1"), |settings| {
        settings
            .own
            .push(OwnEndpoint::Listener("0.0.0.0:1".parse().unwrap()));
        settings
            .own
            .push(OwnEndpoint::Server("localhost".into(), 2));
        port = 1;
    })
    .await;
    for port in [port, 2] {
        let error = stage.client.open(&to(NAME, port)).await.err().unwrap();
        assert!(
            matches!(error, EgressError::AddressRefused { .. }),
            "{error}"
        );
    }
    assert_eq!(stage.get("/").await.unwrap().0, 200);
}

#[tokio::test]
async fn limits_of_requests_in_flight_hold_until_the_answer_has_ended() {
    let script = hanging("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun");
    let stage = Stage::with(script, always("127.0.0.1"), |settings| {
        settings.in_flight = InFlightLimits {
            all: 9,
            organization: 9,
            host: 2,
        };
    })
    .await;
    let first = stage.send(get("/1")).await.unwrap();
    let second = stage.client.open(&stage.destination()).await.unwrap();
    let busy = stage.client.open(&stage.destination()).await.err();
    assert_eq!(busy, Some(EgressError::Busy("to the host")));
    drop(second);
    let third = stage.send(get("/2")).await.unwrap();
    drop((first, third));
    stage.send(get("/3")).await.unwrap();
}

#[tokio::test]
async fn names_without_an_answer_are_unreachable() {
    let nowhere: Answers = Arc::new(|_, _| Some(Vec::new()));
    let stage = Stage::with(answering(OK), nowhere, |_| {}).await;
    let error = stage.get("/").await.unwrap_err();
    assert!(matches!(error, EgressError::Unreachable(_)), "{error}");

    let silent: Answers = Arc::new(|_, _| None);
    let stage = Stage::with(answering(OK), silent, |settings| {
        settings.connect = Duration::from_millis(200);
    });
    let error = stage.await.get("/").await.unwrap_err();
    assert_eq!(error, EgressError::Timeout("a connection"));
}

#[tokio::test]
async fn resolution_alone_reports_the_same_addresses() {
    let stage = Stage::new(answering(OK)).await;
    let found = stage.client.resolve(&stage.destination()).await.unwrap();
    assert_eq!(found, addresses(&["127.0.0.1"]));
    assert_eq!(stage.upstream.seen.connections(), 0);
}
