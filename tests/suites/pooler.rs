//! `PgBouncer` before PostgreSQL, with its defaults; skipped where it is not installed.

use std::process::{Child, Command};
use std::time::Duration;

use nix::unistd::Uid;
use strongroom_e2e::{Database, TestVault, eventually, refusal, run};

const LIMIT: Duration = Duration::from_secs(20);

struct PgBouncer {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// Starts one in this mode before `database`; `None` if it is not installed.
    #[allow(clippy::print_stderr, reason = "says that the test is skipped")]
    async fn start(database: &Database, mode: &str) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        let Some(program) = program else {
            eprintln!("skipped: PgBouncer is not installed");
            return None;
        };
        let url: tokio_postgres::Config = database.app_url().parse().unwrap();
        let host = match &url.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            tokio_postgres::config::Host::Unix(path) => path.to_str().unwrap().to_owned(),
        };
        let password = String::from_utf8(url.get_password().unwrap().to_vec()).unwrap();
        let (user, name) = (url.get_user().unwrap(), url.get_dbname().unwrap());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let settings = format!(
            "[databases]\n\
             vault = host={host} port={} dbname={name} user={user} password={password}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {mode}\ndefault_pool_size = 60\n",
            url.get_ports()[0]
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        if Uid::effective().is_root() {
            command.args(["-u", "nobody"]);
        }
        let child = command.arg("-q").arg(&file).spawn().unwrap();
        eventually("PgBouncer listens", LIMIT, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        Some(Self {
            child,
            url: format!("postgresql://{user}@127.0.0.1:{port}/vault"),
            _folder: folder,
        })
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn behind_a_pooler_of_sessions_all_works() {
    let mut vault = TestVault::start().await;
    let Some(pooler) = PgBouncer::start(&vault.database, "session").await else {
        return;
    };
    vault
        .replace_server(&[("STRONGROOM_DATABASE_URL", &pooler.url)])
        .await;
    let id = vault.admin.create("pooled").await;
    assert_eq!(vault.admin.secret(&id).await["api_key"], "pooled");
}

#[tokio::test]
async fn a_pooler_that_shares_sessions_is_refused() {
    let vault = TestVault::start().await;
    for mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(&vault.database, mode).await else {
            return;
        };
        let root_key = vault.root_key_file();
        let variables = [
            ("STRONGROOM_DATABASE_URL", &*pooler.url),
            ("STRONGROOM_ROOT_KEY_FILE", &root_key),
            ("STRONGROOM_LISTEN", "127.0.0.1:0"),
        ];
        let refused = refusal(&[], &variables);
        assert!(
            refused.contains("set pool_mode = session in PgBouncer"),
            "{refused}"
        );
        let doctor = run(&["doctor"], &variables);
        let said = doctor.stdout + &doctor.stderr;
        assert!(
            !doctor.success && said.contains("pool_mode = session"),
            "{said}"
        );
    }
}
