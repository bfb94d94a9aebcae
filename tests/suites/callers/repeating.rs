use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use serde_json::Value;
use strongroom_e2e::TestVault;

use super::user::User;

/// A server in between, which passes requests on to the port `target`, and loses its first answer.
fn lossy(target: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (at, client) in listener.incoming().enumerate() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", target)));
            let _ = relay(client, server.unwrap(), at > 0);
        }
    });
    port
}

fn relay(mut client: TcpStream, mut server: TcpStream, answers: bool) -> std::io::Result<()> {
    let (mut requests, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let requests = std::thread::spawn(move || std::io::copy(&mut requests, &mut to_server));
    if answers {
        std::io::copy(&mut server, &mut client)?;
    } else {
        let mut answer = [0; 4096];
        let read = server.read(&mut answer)?;
        assert!(answer[..read].starts_with(b"HTTP/1.1 201 "));
    }
    client.flush()?;
    client.shutdown(std::net::Shutdown::Both)?;
    let _ = requests.join();
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_creates_no_second_credential() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let port = vault
        .server
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let url = format!("http://127.0.0.1:{}", lossy(port));
    let profile = user.profile("default");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, text.replace(&vault.admin.url, &url)).unwrap();
    let args = [
        "credential",
        "create",
        "--provider",
        "generic",
        "--type",
        "api_key",
        "--json",
    ];
    let made: Value = user.run_with(&args, r#"{"api_key":"x"}"#, &[]).json();
    let listed = vault.admin.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["external_cred_id"], made["external_cred_id"]);
}

#[tokio::test]
async fn a_command_can_be_repeated_with_its_key() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let args = [
        "credential",
        "create",
        "--provider",
        "generic",
        "--type",
        "api_key",
        "--json",
        "--idempotency-key",
        "once",
    ];
    let create = || user.run_with(&args, r#"{"api_key":"x"}"#, &[]);
    assert_eq!(create().json(), create().json());
    let other = user.run_with(&args, r#"{"api_key":"y"}"#, &[]);
    other.assert_refused("reused_idempotency_key");
    // The answer is 408 where a region is unreachable; here, the server is.
    let profile = user.profile("default");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(
        &profile,
        text.replace(&vault.admin.url, "http://127.0.0.1:9"),
    )
    .unwrap();
    create().assert_refused("--idempotency-key once");
}
