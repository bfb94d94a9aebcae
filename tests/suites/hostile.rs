//! Clients that send too much, too little, too slowly, or no HTTP at all; and the good ones meanwhile.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use strongroom_e2e::{Api, CREDENTIALS, Raw, TestVault, api_key, eventually, exchange};

const SOON: Duration = Duration::from_secs(20);

const ALIVE: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// The largest file there is.
const LARGE: &str = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";

fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

fn status(answer: &str) -> &str {
    answer
        .strip_prefix("HTTP/1.1 ")
        .map_or("none", |rest| &rest[..3])
}

/// `answer` in the envelope, with this status and code.
fn refused(answer: &str, expected: (u16, &str)) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(status(answer), expected.0.to_string(), "{answer}");
    assert!(
        head.to_lowercase().contains("cache-control: no-store"),
        "{head}"
    );
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["httpcode"], expected.0);
    assert_eq!(body["errors"][0]["code"], expected.1);
}

async fn is_well(api: &Api) {
    let id = api.create("meanwhile").await;
    assert_eq!(api.secret(&id).await["api_key"], "meanwhile");
}

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
    // What the HTTP library itself does not take has no envelope.
    for more in [wide.repeat(10), many.repeat(2)] {
        assert_eq!(status(&exchange(url, &get("/healthz", &more)).await), "431");
    }
    is_well(&vault.admin).await;
}

#[tokio::test]
async fn sizes_can_be_set() {
    let sizes = [
        ("STRONGROOM_MAX_URL", "256"),
        ("STRONGROOM_MAX_HEADERS", "16"),
        ("STRONGROOM_MAX_HEADER_BYTES", "1024"),
        ("STRONGROOM_MAX_BODY", "200000"),
    ];
    let vault = TestVault::start_with(&sizes).await;
    let url = &vault.admin.url;
    let long = format!("/healthz?{}", "a".repeat(250));
    refused(&exchange(url, &get(&long, "")).await, (414, "url_too_long"));
    let wide = format!("X-Wide: {}\r\n", "a".repeat(1024));
    refused(
        &exchange(url, &get("/healthz", &wide)).await,
        (431, "headers_too_large"),
    );
    let secret = "s".repeat(150_000);
    let id = vault.admin.create(&secret).await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], secret.as_str());
    assert_eq!(
        vault
            .admin
            .post(&api_key(&"s".repeat(200_000)))
            .await
            .status(),
        413
    );
}

#[tokio::test]
async fn what_is_no_http_is_answered_400_and_leaves_no_error_in_the_log() {
    let vault = TestVault::start().await;
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let wrong: Vec<Vec<u8>> = vec![
        b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"GET /\r\n\r\n".to_vec(),
        b"GET / HTTP/3.0\r\nHost: x\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx".to_vec(),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx".to_vec(),
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000)).into_bytes(),
    ];
    for request in &wrong {
        let answer = exchange(&vault.admin.url, request).await;
        assert_eq!(
            status(&answer),
            "400",
            "{}",
            String::from_utf8_lossy(request)
        );
    }
    // A chunk of a length that is none: the answer may be there before it is read.
    for chunk in ["zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n"] {
        let mut raw = Raw::connect(&vault.admin.url).await;
        raw.write(format!("{chunked}{chunk}").as_bytes()).await;
        let answer = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
        assert!(["400", "404"].contains(&status(&answer)), "{answer}");
    }
    is_well(&vault.admin).await;
    assert!(
        !vault.server.log().contains("ERROR"),
        "{}",
        vault.server.log()
    );
}

async fn closed_for(api: &Api, slow: &str) -> f64 {
    let name = format!("strongroom_connections_closed_total{{slow=\"{slow}\"}}");
    api.metric(&name).await.unwrap()
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
    // On a connection that had a request before, and byte by byte.
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
    let told = vault.server.log();
    assert!(told.contains("clients that are too slow"), "{told}");
    is_well(&vault.admin).await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_it_should_be() {
    let variables = [
        ("STRONGROOM_HEADER_TIMEOUT", "1s"),
        ("STRONGROOM_KEEP_ALIVE", "5s"),
    ];
    let vault = TestVault::start_with(&variables).await;
    let mut raw = Raw::connect(&vault.admin.url).await;
    for _ in 0..2 {
        raw.write(ALIVE.as_bytes()).await;
        raw.wait_for("\"alive\"}").await;
        // Longer than a head may take.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    raw.write(ALIVE.as_bytes()).await;
    raw.wait_for("\"alive\"}").await;
    let rest = tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap();
    assert_eq!(rest, "");
    assert_eq!(closed_for(&vault.admin, "head").await, 0.0);
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
    // Once read, the file itself is in memory.
    let warm = get("/docs/swagger-ui-bundle.js", "");
    assert!(exchange(&vault.admin.url, &warm).await.len() > 1_000_000);
    let before = vault.server.resident_memory() / 1024;
    let mut held = Vec::new();
    // Many answers of some size, and many that are next to nothing: these fill the system's own buffers first.
    let small = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for (request, clients) in [(LARGE, 20), (ALIVE, 3), (small, 3)] {
        let flood = request.repeat(2000);
        let flooding = (0..clients).map(async |_| {
            let mut raw = Raw::connect_deaf(&vault.admin.url).await;
            // Until nothing more is taken, which is what keeps the server's memory small.
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
    eventually("those of the large file are closed", SOON, async || {
        closed_for(&vault.admin, "reading").await >= 20.0
    })
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
    eventually("none of them is left", SOON, async || {
        vault
            .admin
            .metric("strongroom_http_connections")
            .await
            .unwrap()
            < 10.0
    })
    .await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let vault = TestVault::start().await;
    let body = api_key("pipelined").to_string();
    let head = |method: &str, path: &str, more: &str| {
        let Api { org, key, .. } = &vault.admin;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {org}\r\nSlashID-API-Key: {key}\r\n{more}\r\n"
        )
    };
    let more = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    let create = head("POST", CREDENTIALS, &more) + &body;
    let list = head("GET", &format!("{CREDENTIALS}?limit=1"), "");
    let all = create.repeat(30) + &list + ALIVE + &head("GET", "/nowhere", "Connection: close\r\n");
    let answers = exchange(&vault.admin.url, all.as_bytes()).await;
    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|one| &one[..3])
        .collect();
    assert_eq!(statuses[..30], ["201"; 30]);
    assert_eq!(statuses[30..], ["200", "200", "404"]);
    assert_eq!(vault.admin.list().await.len(), 30);
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
        assert!(held.len() <= 20, "there are more than max_connections");
    };
    refused(&refusal, (503, "too_many_connections"));
    assert!(refusal.contains("retry-after: 1\r\n"), "{refusal}");
    vault.server.wait_for_log("there are max_connections");
    held.truncate(5);
    eventually("there is room again", SOON, async || {
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

/// As many files as this process may have open at most.
fn raise_file_limit() -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    hard
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "what was tried, for --nocapture")]
async fn ten_thousand_idle_connections_are_held_and_good_clients_served() {
    // The other tests need files as well.
    let room = usize::try_from(raise_file_limit().saturating_sub(2000)).unwrap();
    let wanted = room.min(10_000);
    let vault = TestVault::start_with(&[("STRONGROOM_KEEP_ALIVE", "600s")]).await;
    is_well(&vault.admin).await;
    let before = vault.server.resident_memory() / 1024;
    let mut held = Vec::with_capacity(wanted);
    for nth in 0..wanted {
        let mut raw = Raw::connect(&vault.admin.url).await;
        // Some never say anything, some begin a request, and most have had one.
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
    let open = vault
        .admin
        .metric("strongroom_http_connections")
        .await
        .unwrap();
    let grown = (vault.server.resident_memory() / 1024).saturating_sub(before);
    println!("{wanted} connections, {open} of them open at the end: {grown} KiB");
    let most = 40 * wanted as u64 + 16 * 1024;
    assert!(grown < most, "{grown} KiB for {wanted} connections");
    // Those that did not ask anything may be gone by now.
    assert!(open >= wanted as f64 * 0.8, "{open}");
    drop(held);
    eventually("all are closed", SOON, async || {
        vault
            .admin
            .metric("strongroom_http_connections")
            .await
            .unwrap()
            < 10.0
    })
    .await;
    is_well(&vault.admin).await;
}
