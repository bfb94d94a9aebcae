//! TLS on the main listener.

mod callers;
mod certificates;
mod console;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use strongroom_e2e::{Raw, TestVault, eventually, refusal, run};

use certificates::{Authority, Client, Files};

const SOON: Duration = Duration::from_secs(20);

/// Starts a server with the TLS files `files` and further variables; also returns its address.
async fn serve(files: &Files, more: &[(&str, &str)]) -> (TestVault, String) {
    let mut vault = TestVault::start().await;
    let mut variables = files.variables();
    variables.extend_from_slice(more);
    vault.server = vault.start_server(&variables);
    vault.server.wait_for_log("\"ready\"");
    let address = vault.server.url().replace("http://", "");
    (vault, address)
}

fn health(address: &str, args: &[&str]) -> (bool, String) {
    let url = format!("https://{address}");
    let done = run(&[&["health", "--url", &url], args].concat(), &[]);
    (done.success, done.stdout + &done.stderr)
}

#[tokio::test]
async fn it_speaks_tls_and_nothing_else() {
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    let (vault, address) = serve(&files, &[("STRONGROOM_HEADER_TIMEOUT", "1s")]).await;
    let ca = files.path("one.pem");
    assert_eq!(
        health(&address, &["--ca-file", &ca]),
        (true, "ready\n".to_owned())
    );
    let (well, said) = health(&address, &[]);
    assert!(!well && said.contains("certificate"), "{said}");
    let other = Authority::new("other");
    other.write(&files, "other.pem");
    let (well, said) = health(&address, &["--ca-file", &files.path("other.pem")]);
    assert!(!well && said.contains("unknown authority"), "{said}");
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let client = Client::new(&authority).with_versions(versions);
        let (answer, alpn) = client.get(&address, "/healthz").unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"alive\""),
            "{answer}"
        );
        assert_eq!(alpn.as_deref(), Some("http/1.1"));
    }
    // Plain HTTP and a missing handshake are refused.
    let plain =
        strongroom_e2e::exchange(&vault.server.url(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    let raw = Raw::connect(&vault.server.url()).await;
    let since = Instant::now();
    assert_eq!(
        tokio::time::timeout(SOON, raw.read_to_end()).await.unwrap(),
        ""
    );
    assert!(since.elapsed() > Duration::from_millis(500));
    let (answer, _) = Client::new(&authority).get(&address, "/metrics").unwrap();
    let failed = answer
        .lines()
        .find(|line| line.starts_with("strongroom_tls_handshake_failures_total "));
    let failed: u32 = failed.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    assert!(failed >= 3, "{failed}");
}

#[tokio::test]
async fn a_new_certificate_is_served_without_a_restart_and_a_broken_one_is_not() {
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    let (vault, address) = serve(&files, &[]).await;
    let client = Client::new(&authority);
    let first = client.served(&address).unwrap();
    let mut kept = client.connect(&address).unwrap();
    files.renew(&authority, 2099);
    eventually("the new certificate is served", SOON, async || {
        client.served(&address).unwrap() != first
    })
    .await;
    vault.server.wait_for_log("new TLS certificate");
    let second = client.served(&address).unwrap();
    let expiry = "strongroom_tls_not_after_timestamp_seconds 4070908800";
    assert!(client.get(&address, "/metrics").unwrap().0.contains(expiry));
    // An existing connection is kept.
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\"alive\"}"), "{answer}");
    // Invalid files do not replace it, and each is logged once.
    for (broken, said) in [
        ("nonsense", "it contains no certificate"),
        (
            Files::new(&authority).certificate().as_str(),
            "is not the certificate's key",
        ),
    ] {
        files.write("server.pem", broken);
        vault.server.wait_for_log(said);
        assert_eq!(client.served(&address).unwrap(), second);
    }
    vault.server.wait_for_log("TLS files cannot be used");
    assert!(vault.server.log().contains("server.pem") || vault.server.log().contains("server.key"));
    tokio::time::sleep(Duration::from_millis(4500)).await;
    let log = vault.server.log();
    assert_eq!(
        log.matches("is not the certificate's key").count(),
        1,
        "{log}"
    );
    files.renew(&authority, 2098);
    eventually("the next certificate is served", SOON, async || {
        client.served(&address).unwrap() != second
    })
    .await;
}

#[tokio::test]
async fn clients_show_certificates_where_these_are_asked_for() {
    let authority = Authority::new("one");
    let clients = Authority::new("clients");
    let files = Files::new(&authority);
    clients.write(&files, "clients.pem");
    let ca = files.path("clients.pem");
    let asked = ("STRONGROOM_TLS_CLIENT_CA_FILE", ca.as_str());
    let (vault, address) = serve(&files, &[asked]).await;
    let stranger = Client::new(&authority);
    assert!(stranger.get(&address, "/healthz").is_err());
    let wrong = Client::new(&authority).with_certificate(&authority.issue("client", 2100));
    assert!(wrong.get(&address, "/healthz").is_err());
    let issued = clients.issue("client", 2100);
    let known = Client::new(&authority).with_certificate(&issued);
    assert!(known.get(&address, "/healthz").unwrap().0.contains("alive"));
    files.write("client.pem", &issued.0);
    files.write("client.key", &issued.1);
    let (ca, cert, key) = (
        files.path("one.pem"),
        files.path("client.pem"),
        files.path("client.key"),
    );
    let args = ["--ca-file", &ca, "--cert-file", &cert, "--key-file", &key];
    assert_eq!(health(&address, &args), (true, "ready\n".to_owned()));
    assert!(!health(&address, &args[..2]).0);
    drop(vault);
    let optional = ("STRONGROOM_TLS_CLIENT_AUTH", "optional");
    let (_vault, address) = serve(&files, &[asked, optional]).await;
    assert!(
        stranger
            .get(&address, "/healthz")
            .unwrap()
            .0
            .contains("alive")
    );
    assert!(known.get(&address, "/healthz").unwrap().0.contains("alive"));
    assert!(wrong.get(&address, "/healthz").is_err());
}

#[tokio::test]
async fn an_expiry_that_is_near_is_warned_of() {
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    files.expire_in(&authority, Duration::from_secs(5 * 24 * 3600));
    let (vault, _) = serve(&files, &[]).await;
    vault
        .server
        .wait_for_log("the TLS certificate expires soon");
    let log = vault.server.log();
    let line = log
        .lines()
        .find(|line| line.contains("expires soon"))
        .unwrap();
    assert!(
        line.contains("\"WARN\"") && line.contains("server.pem"),
        "{line}"
    );
}

/// Starts a server with `files` and further variables, which it must refuse with all of `texts`;
/// returns its output.
fn is_refused_with(
    vault: &TestVault,
    files: &Files,
    more: &[(&str, &str)],
    texts: [&str; 2],
) -> String {
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    let mut variables = vec![
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.as_str()),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ];
    variables.extend(files.variables());
    variables.extend_from_slice(more);
    let output = refusal(&[], &variables);
    for text in texts {
        assert!(output.contains(text), "no {text:?} in {output}");
    }
    output
}

/// As `openssl req -x509` makes it.
#[tokio::test]
async fn the_certificate_of_an_authority_is_refused_with_a_recipe() {
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    files.use_authority(&authority);
    let (_vault, address) = serve(&files, &[]).await;
    let (well, said) = health(&address, &["--ca-file", &files.path("one.pem")]);
    assert!(!well && said.contains("CA:TRUE"), "{said}");
    assert!(
        said.contains("-addext basicConstraints=critical,CA:FALSE"),
        "{said}"
    );
    assert!(!said.contains("OtherError"), "{said}");
}

#[tokio::test]
async fn files_that_cannot_be_right_are_refused_at_the_start() {
    let vault = TestVault::start().await;
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    let key = files.path("server.key");
    for mode in [0o644, 0o640, 0o604] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        is_refused_with(&vault, &files, &[], ["tls_key_file", "chmod 600"]);
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let other = Files::new(&authority).path_of_copy(&files);
    let cases = [
        (
            ("STRONGROOM_TLS_CLIENT_AUTH", "optional"),
            ["tls_client_auth", "tls_client_ca_file"],
        ),
        (
            ("STRONGROOM_TLS_CLIENT_CA_FILE", key.as_str()),
            ["tls_client_ca_file", "no certificate"],
        ),
        (
            ("STRONGROOM_TLS_KEY_FILE", &other),
            ["tls_key_file", "is not the certificate's key"],
        ),
        (
            ("STRONGROOM_TLS_CERT_FILE", "/nowhere.pem"),
            ["tls_cert_file", "/nowhere.pem"],
        ),
    ];
    for (variable, texts) in cases {
        is_refused_with(&vault, &files, &[variable], texts);
    }
}

#[tokio::test]
async fn wrong_keys_and_a_wrong_order_are_named() {
    let vault = TestVault::start().await;
    let files = Files::new(&Authority::new("one"));
    let certificate = files.certificate();
    let ca = std::fs::read_to_string(files.path("one.pem")).unwrap();
    files.write("server.pem", &format!("{ca}{certificate}"));
    is_refused_with(&vault, &files, &[], ["tls_cert_file", "wrong order"]);
    files.write("server.pem", &certificate);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    files.write("server.key", encrypted);
    is_refused_with(&vault, &files, &[], ["tls_key_file", "openssl pkey"]);
    files.write("server.key", &certificate);
    is_refused_with(
        &vault,
        &files,
        &[],
        ["tls_key_file", "a certificate and no private key"],
    );
    files.write("server.key", "nonsense");
    let texts = ["tls_key_file", "no private key"];
    let output = is_refused_with(&vault, &files, &[], texts);
    assert!(!output.contains("nonsense"), "{output}");
}
