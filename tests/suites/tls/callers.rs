use std::fs;

use strongroom_e2e::{Finished, run};

use super::certificates::{Authority, Files};
use super::serve;

#[tokio::test]
async fn a_caller_verifies_the_server_and_shows_a_certificate() {
    let authority = Authority::new("one");
    let files = Files::new(&authority);
    let clients = Authority::new("clients");
    clients.write(&files, "clients.pem");
    let client_ca = files.path("clients.pem");
    let asked = ("STRONGROOM_TLS_CLIENT_CA_FILE", client_ca.as_str());
    let (vault, address) = serve(&files, &[asked]).await;
    let (cert, key) = clients.issue("client", 2100);
    files.write("client.pem", &cert);
    files.write("client.key", &key);
    files.write("api-key", &vault.admin.key);
    let home = files.path("");
    let caller = |args: &[&str]| run(args, &[("HOME", &home)]);
    let (url, key) = (format!("https://{address}"), files.path("api-key"));
    let login = |more: &[&str]| -> Finished {
        let args = [
            "login",
            "--url",
            &url,
            "--org",
            &vault.admin.org,
            "--key-file",
            &key,
        ];
        caller(&[&args, more].concat())
    };
    let ca = files.path("one.pem");
    let (cert, cert_key) = (files.path("client.pem"), files.path("client.key"));
    let own = ["--cert-file", &cert, "--cert-key-file", &cert_key];
    login(&own).assert_refused("unknown authority");
    login(&["--ca-file", &ca]).assert_refused("no answer");
    let wrong = [
        "--cert-file",
        &cert,
        "--cert-key-file",
        &ca,
        "--ca-file",
        &ca,
    ];
    login(&wrong).assert_refused("--cert-key-file");
    login(&[&own[..], &["--ca-file", &ca]].concat()).assert_success();
    caller(&["credential", "list"]).assert_success();
    // The profile has the files' full names, not their content.
    fs::remove_file(&ca).unwrap();
    caller(&["credential", "list"]).assert_refused(&ca);
}
