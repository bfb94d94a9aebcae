//! Start, end and recovery of `strongroom dev`.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use strongroom_e2e::eventually;
use tempfile::TempDir;

use super::{LIMIT, api, dev, instance};

fn postmaster(folder: &Path) -> u32 {
    postmaster_in(&folder.join("dev/postgres"))
}

/// The process id of the PostgreSQL that runs in `data`.
pub(crate) fn postmaster_in(data: &Path) -> u32 {
    let file = data.join("postmaster.pid");
    let content = std::fs::read_to_string(file).unwrap();
    content.lines().next().unwrap().parse().unwrap()
}

/// Whether the process is running and not a zombie.
pub(crate) fn runs(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let (_, state) = stat.rsplit_once(") ").unwrap();
    !state.starts_with(['Z', 'X'])
}

#[tokio::test]
async fn a_second_start_finds_everything_as_it_was() {
    let folder = TempDir::new().unwrap();
    let mut first = None;
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        // The terminal was closed.
        Signal::SIGHUP,
        Signal::SIGKILL,
        Signal::SIGTERM,
    ] {
        let mut server = dev(folder.path(), &["--json"]);
        let instance = instance(&server);
        let admin = api(&instance, "admin_api_key");
        let (id, before) = match &first {
            Some(known) => known,
            None => first.insert((admin.create("kept").await, instance.clone())),
        };
        for member in ["org_id", "admin_api_key", "member_api_key", "root_key_file"] {
            assert_eq!(instance[member], before[member], "{member} after {signal}");
        }
        assert_eq!(admin.secret(id).await["api_key"], "kept");
        assert_eq!(admin.list().await.len(), 1);
        let postgres = postmaster(folder.path());
        assert!(runs(postgres));
        let since = Instant::now();
        server.signal(signal);
        let code = server.wait(LIMIT);
        assert_eq!(
            code,
            if signal == Signal::SIGKILL {
                None
            } else {
                Some(0)
            }
        );
        eventually("PostgreSQL has ended", Duration::from_secs(5), async || {
            !runs(postgres)
        })
        .await;
        assert!(
            since.elapsed() < Duration::from_secs(5),
            "{signal}: {:?}",
            since.elapsed()
        );
    }
}

#[tokio::test]
async fn it_ends_soon_also_with_a_request_that_does_not() {
    let folder = TempDir::new().unwrap();
    let mut server = dev(folder.path(), &["--json"]);
    let admin = api(&instance(&server), "admin_api_key");
    let mut raw = strongroom_e2e::Raw::connect(&admin.url).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nSlashID-OrgID: {}\r\nSlashID-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\
         Expect: 100-continue\r\n\r\n",
        strongroom_e2e::CREDENTIALS,
        admin.org,
        admin.key
    );
    raw.write(head.as_bytes()).await;
    raw.wait_for("100 Continue\r\n\r\n").await;
    let since = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait(LIMIT), Some(0));
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn it_can_be_stopped_while_it_starts() {
    let folder = TempDir::new().unwrap();
    for log in ["creating a private PostgreSQL", "listening"] {
        let mut server = dev(folder.path(), &["--json"]);
        server.wait_for_log(log);
        let since = Instant::now();
        server.signal(Signal::SIGTERM);
        assert_eq!(server.wait(LIMIT), Some(0), "{log}: {}", server.log());
        assert!(
            since.elapsed() < Duration::from_secs(5),
            "{log}: {:?}",
            since.elapsed()
        );
    }
    let server = dev(folder.path(), &["--json"]);
    let admin = api(&instance(&server), "admin_api_key");
    assert_eq!(admin.list().await.len(), 0);
}

#[tokio::test]
async fn a_postgresql_that_dies_is_started_again() {
    let folder = TempDir::new().unwrap();
    let server = dev(folder.path(), &["--json"]);
    let admin = api(&instance(&server), "admin_api_key");
    let id = admin.create("kept").await;
    let pid = nix::unistd::Pid::from_raw(postmaster(folder.path()).cast_signed());
    nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
    eventually("the server serves again", LIMIT, async || {
        !runs(pid.as_raw().cast_unsigned()) && admin.reveal(&id).await.status() == 200
    })
    .await;
    assert_eq!(admin.secret(&id).await["api_key"], "kept");
}
