//! Clients that send too much, too little, too slowly, or no HTTP, and well-behaved clients at the
//! same time.

mod allowed;
mod support;

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use strongroom_e2e::{CREDENTIALS, Raw, TestVault, eventually, exchange};

use support::{
    ALIVE, LARGE, SOON, almost_all_are_closed, closed_for, get, is_well, open_connections, refused,
    status,
};

#[tokio::test]
async fn what_is_too_large_is_refused_and_says_so() {
    let vault = TestVault::start().await;
    let url = &vault.admin.url;
    let long = format!("{CREDENTIALS}?x={}", "a".repeat(8192));
    refused(&exchange(url, &get(&long, "")).await, (414, "url_too_long"));
    let many: String = (0..70).map(|nth| format!("X-{nth}: a\r\n")).collect();
    refused(
        &exchange(url, &get("/healthz", &many)).await,
        (431, "headers_too_large"),
    );
    let wide = format!("X-Wide: {}\r\n", "a".repeat(20_000));
    refused(
        &exchange(url, &get("/healthz", &wide)).await,
        (431, "headers_too_large"),
    );
    let pieces = format!("/external_provider/api_key/create?{}", "a".repeat(9000));
    let answer = exchange(url, &get(&pieces, "")).await;
    assert_eq!(status(&answer), "414");
    assert!(
        answer.ends_with("the URL's path and query must have at most 8192 bytes"),
        "{answer}"
    );
    // Answers of the HTTP library itself have no envelope.
    for more in [wide.repeat(10), many.repeat(2)] {
        assert_eq!(status(&exchange(url, &get("/healthz", &more)).await), "431");
    }
    is_well(&vault.admin).await;
}

/// Bytes that are not valid HTTP/1.
const NO_HTTP: [&[u8]; 11] = [
    b"\x00\x01\x02\x03\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\
      Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
];

#[tokio::test]
async fn what_is_no_http_is_answered_400_and_leaves_no_error_in_the_log() {
    let vault = TestVault::start().await;
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    for request in NO_HTTP.into_iter().chain([long.as_bytes()]) {
        let answer = exchange(&vault.admin.url, request).await;
        let shown = String::from_utf8_lossy(request);
        assert_eq!(status(&answer), "400", "{shown}");
    }
    // After a chunk with an invalid length, the server may answer before it reads the length.
    for chunk in ["zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n"] {
        let mut raw = Raw::connect(&vault.admin.url).await;
        raw.write(format!("{chunked}{chunk}").as_bytes()).await;
        let answer = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
        assert!(["400", "404"].contains(&status(&answer)), "{answer}");
    }
    is_well(&vault.admin).await;
    let log = vault.server.log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_waited_for_once_only_so_long() {
    let variables = [
        ("STRONGROOM_HEADER_TIMEOUT", "1s"),
        ("STRONGROOM_KEEP_ALIVE", "60s"),
    ];
    let vault = TestVault::start_with(&variables).await;
    let mut fresh = Raw::connect(&vault.admin.url).await;
    fresh.write(&ALIVE.as_bytes()[..20]).await;
    let answer = tokio::time::timeout(SOON, fresh.read_to_end())
        .await
        .unwrap();
    assert_eq!(status(&answer), "408");
    // The second head is sent byte by byte, on a connection that had a request before.
    let mut used = Raw::connect(&vault.admin.url).await;
    used.write(ALIVE.as_bytes()).await;
    used.wait_for("\"alive\"}").await;
    let since = Instant::now();
    let mut left = ALIVE.bytes().cycle().take(1000);
    while let Some(byte) = left.next().filter(|byte| *byte != b'\r') {
        if !used.write(&[byte]).await || since.elapsed() > SOON {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rest = tokio::time::timeout(SOON, used.read_to_end())
        .await
        .unwrap();
    assert_eq!(rest, "");
    assert!(closed_for(&vault.admin, "head").await >= 1.0);
    let log = vault.server.log();
    assert!(log.contains("clients that are too slow"), "{log}");
    is_well(&vault.admin).await;
}

#[tokio::test]
async fn a_body_without_an_end_that_nobody_wants_keeps_no_connection() {
    let vault = TestVault::start_with(&[("STRONGROOM_KEEP_ALIVE", "1s")]).await;
    for (line, answer) in [
        ("GET /healthz", "200"),
        ("POST /nowhere", "404"),
        ("GET /organizations/config/external-credentials", "401"),
    ] {
        let mut raw = Raw::connect(&vault.admin.url).await;
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        raw.write(head.as_bytes()).await;
        let all = tokio::time::timeout(SOON, raw.read_to_end()).await;
        assert_eq!(status(&all.expect(line)), answer, "{line}");
    }
    is_well(&vault.admin).await;
}

#[tokio::test]
async fn answers_that_are_not_taken_cost_little_and_not_for_long() {
    let vault = TestVault::start_with(&[("STRONGROOM_WRITE_TIMEOUT", "5s")]).await;
    is_well(&vault.admin).await;
    // The first request loads the file into memory.
    let warm = get("/docs/swagger-ui-bundle.js", "");
    assert!(exchange(&vault.admin.url, &warm).await.len() > 1_000_000);
    let before = vault.server.resident_memory() / 1024;
    let mut held = Vec::new();
    // Large answers and small ones; small ones fill the kernel's buffers first.
    let small = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for (request, clients) in [(LARGE, 20), (ALIVE, 3), (small, 3)] {
        let flood = request.repeat(2000);
        let flooding = (0..clients).map(async |_| {
            let mut raw = Raw::connect_deaf(&vault.admin.url).await;
            // Writes until the server stops reading, which bounds its memory.
            let stuck = Duration::from_millis(700);
            while let Ok(true) = tokio::time::timeout(stuck, raw.write(flood.as_bytes())).await {}
            raw
        });
        held.extend(futures_util::future::join_all(flooding).await);
        is_well(&vault.admin).await;
    }
    let grown = (vault.server.resident_memory() / 1024).saturating_sub(before);
    assert!(
        grown < 30 * 1024,
        "{grown} KiB for {} connections",
        held.len()
    );
    eventually(
        "the clients of the large file are closed",
        SOON,
        async || closed_for(&vault.admin, "reading").await >= 20.0,
    )
    .await;
}

#[tokio::test]
async fn half_open_connections_are_answered_or_forgotten() {
    let vault = TestVault::start_with(&[("STRONGROOM_HEADER_TIMEOUT", "1s")]).await;
    let mut raw = Raw::connect(&vault.admin.url).await;
    raw.write(ALIVE.as_bytes()).await;
    raw.finish().await;
    let answer = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
    assert!(answer.ends_with("\"alive\"}"), "{answer}");
    let body = format!(
        "POST {CREDENTIALS} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {}\r\nSlashID-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
        vault.admin.org, vault.admin.key
    );
    for request in [&ALIVE[..20], ALIVE, &body] {
        for finishes in [true, false] {
            for _ in 0..20 {
                let mut raw = Raw::connect(&vault.admin.url).await;
                raw.write(request.as_bytes()).await;
                if finishes {
                    raw.finish().await;
                }
            }
        }
    }
    is_well(&vault.admin).await;
    almost_all_are_closed(&vault.admin).await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let vault = TestVault::start_with(&[("STRONGROOM_MAX_CONNECTIONS", "20")]).await;
    let url = &vault.admin.url;
    let mut held = Vec::new();
    let refusal = loop {
        let mut raw = Raw::connect(url).await;
        raw.write(ALIVE.as_bytes()).await;
        let mut answer = raw.read_some().await;
        if answer.starts_with("HTTP/1.1 503") {
            answer += &raw.read_to_end().await;
            break answer;
        }
        held.push(raw);
        assert!(held.len() <= 20, "more than max_connections are open");
    };
    refused(&refusal, (503, "too_many_connections"));
    assert!(refusal.contains("retry-after: 1\r\n"), "{refusal}");
    vault.server.wait_for_log("there are max_connections");
    held.truncate(5);
    eventually("new connections are accepted", SOON, async || {
        let answer = exchange(url, &get("/healthz", "")).await;
        status(&answer) == "200"
    })
    .await;
    let refused = vault
        .admin
        .metric("strongroom_connections_refused_total")
        .await;
    assert!(refused.unwrap() >= 1.0);
}

/// Raises the limit of open files to the hard limit, and returns it.
fn raise_file_limit() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    hard
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "reports the counts with --nocapture")]
async fn ten_thousand_idle_connections_are_held_and_good_clients_served() {
    // Other tests need open files as well.
    let room = usize::try_from(raise_file_limit().saturating_sub(2000)).unwrap();
    let wanted = room.min(10_000);
    let vault = TestVault::start_with(&[("STRONGROOM_KEEP_ALIVE", "600s")]).await;
    is_well(&vault.admin).await;
    let before = vault.server.resident_memory() / 1024;
    let mut held = Vec::with_capacity(wanted);
    for nth in 0..wanted {
        let mut raw = Raw::connect(&vault.admin.url).await;
        // Some connections send nothing, some begin a request, and most have sent one.
        match nth % 10 {
            0 => {}
            1 => assert!(raw.write(&ALIVE.as_bytes()[..30]).await),
            _ => assert!(raw.write(ALIVE.as_bytes()).await),
        }
        held.push(raw);
    }
    is_well(&vault.admin).await;
    for (nth, raw) in held.iter_mut().enumerate() {
        if nth % 10 > 1 {
            let answer = tokio::time::timeout(SOON, raw.read_some()).await.unwrap();
            assert_eq!(status(&answer), "200", "connection {nth}");
        }
    }
    let open = open_connections(&vault.admin).await;
    let grown = (vault.server.resident_memory() / 1024).saturating_sub(before);
    println!("{wanted} connections, {open} of them open at the end: {grown} KiB");
    let most = 40 * wanted as u64 + 16 * 1024;
    assert!(grown < most, "{grown} KiB for {wanted} connections");
    // Connections without a request may be closed already.
    assert!(open >= wanted as f64 * 0.8, "{open}");
    drop(held);
    almost_all_are_closed(&vault.admin).await;
    is_well(&vault.admin).await;
}
