use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::load::Load;
use crate::stage::Stage;

/// A fault that can be injected into a [`Stage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of both servers.
    ServersKilled,
    /// kill -9 of PostgreSQL.
    DatabaseKilled,
    /// kill -9 of both servers and PostgreSQL.
    EverythingKilled,
    /// PostgreSQL is shut down and started again.
    DatabaseRestarted,
    /// All of PostgreSQL's processes are stopped (SIGSTOP).
    DatabasePaused,
    /// No process listens on PostgreSQL's port.
    ConnectionsRefused,
    /// The database is closed to connections (`allow_connections false`).
    DatabaseClosed,
    /// PostgreSQL rejects the servers' connections (`pg_hba.conf`).
    AccessDenied,
    /// The servers' role has no connections left.
    NoConnectionsLeft,
    /// The database is read-only.
    ReadOnly,
    /// All connections are closed, also within transactions.
    ConnectionsCut,
    /// Packets between servers and PostgreSQL are lost in both directions.
    NetworkSilent,
    /// The file system of the tables is full.
    DiskFull,
    /// One of the servers is stopped (SIGSTOP), and then continues.
    ServerPaused,
}

impl Fault {
    /// All faults.
    pub const ALL: [Self; 14] = [
        Self::ServersKilled,
        Self::DatabaseKilled,
        Self::EverythingKilled,
        Self::DatabaseRestarted,
        Self::DatabasePaused,
        Self::ConnectionsRefused,
        Self::DatabaseClosed,
        Self::AccessDenied,
        Self::NoConnectionsLeft,
        Self::ReadOnly,
        Self::ConnectionsCut,
        Self::NetworkSilent,
        Self::DiskFull,
        Self::ServerPaused,
    ];

    /// Texts of which the servers' log contains one as the cause. Empty if servers do not notice
    /// the fault.
    #[must_use]
    pub fn cause(self) -> &'static [&'static str] {
        match self {
            Self::DatabasePaused | Self::NetworkSilent => &["did not answer in time"],
            Self::DatabaseClosed => &["not currently accepting connections"],
            Self::AccessDenied => &["pg_hba.conf rejects connection"],
            Self::NoConnectionsLeft => &["too many connections"],
            Self::ReadOnly => &["read-only transaction"],
            Self::DiskFull => &["No space left on device"],
            Self::DatabaseKilled
            | Self::DatabaseRestarted
            | Self::ConnectionsRefused
            | Self::ConnectionsCut => &[
                "connection closed",
                "Connection refused",
                "Connection reset by peer",
                "unexpected EOF",
                "terminating connection due to administrator command",
                "the database system is",
            ],
            Self::ServersKilled | Self::EverythingKilled | Self::ServerPaused => &[],
        }
    }
}

impl Stage {
    /// Injects `fault` for `length`; returns the time at which its cause ended.
    pub async fn inject(&mut self, fault: Fault, length: Duration, load: &Load) -> Instant {
        match fault {
            Fault::ServersKilled => {
                self.kill_servers();
                tokio::time::sleep(length).await;
                self.start_servers(load);
                Instant::now()
            }
            Fault::ServerPaused => {
                signal(self.second.pid(), Signal::SIGSTOP);
                tokio::time::sleep(length).await;
                signal(self.second.pid(), Signal::SIGCONT);
                Instant::now()
            }
            Fault::DatabaseKilled | Fault::EverythingKilled | Fault::DatabaseRestarted => {
                self.lose_database(fault, length, load).await
            }
            Fault::ConnectionsRefused | Fault::ConnectionsCut | Fault::NetworkSilent => {
                self.lose_network(fault, length, load).await
            }
            Fault::DatabasePaused => self.pause(length).await,
            Fault::DatabaseClosed => {
                let close = "alter database postgres allow_connections false";
                let open = "alter database postgres allow_connections true";
                self.forbid(&[close], &[open], length).await
            }
            Fault::NoConnectionsLeft => {
                let none = "alter role strongroom_app connection limit 0";
                let some = "alter role strongroom_app connection limit -1";
                self.forbid(&[none], &[some], length).await
            }
            Fault::AccessDenied => self.deny(length).await,
            Fault::ReadOnly => self.make_read_only(length).await,
            Fault::DiskFull => self.fill_disk(length).await,
        }
    }

    async fn lose_network(&self, fault: Fault, length: Duration, load: &Load) -> Instant {
        match fault {
            Fault::ConnectionsCut => {
                let before = load.failed_requests().len();
                self.proxy.refuse();
                // On a busy machine it may take a while until a request notices.
                load.has_failed(before).await;
            }
            Fault::NetworkSilent => {
                self.proxy.cut();
                tokio::time::sleep(length).await;
            }
            _ => {
                self.proxy.refuse();
                tokio::time::sleep(length).await;
            }
        }
        self.proxy.heal();
        Instant::now()
    }

    async fn make_read_only(&self, length: Duration) -> Instant {
        let on = "alter system set default_transaction_read_only = on";
        let off = "alter system reset default_transaction_read_only";
        let reload = "select pg_reload_conf()";
        let client = self.cluster.connect_to("template1").await;
        run(&client, &[on, reload]).await;
        tokio::time::sleep(length).await;
        run(&client, &[off, reload]).await;
        Instant::now()
    }

    async fn fill_disk(&self, length: Duration) -> Instant {
        let small = self.small.as_ref();
        let small = small.expect("the stage has no small disk");
        small.fill();
        tokio::time::sleep(length).await;
        small.empty();
        Instant::now()
    }

    async fn lose_database(&mut self, fault: Fault, length: Duration, load: &Load) -> Instant {
        match fault {
            Fault::DatabaseRestarted => tokio::task::block_in_place(|| self.cluster.stop()),
            _ => {
                // Its children as well, which would otherwise finish their transactions.
                let main = self.cluster.pid();
                let children = children(main);
                signal(main, Signal::SIGKILL);
                for child in children {
                    signal(child, Signal::SIGKILL);
                }
                self.cluster.kill();
            }
        }
        if fault == Fault::EverythingKilled {
            self.kill_servers();
            tokio::time::sleep(length).await;
            // The servers start first, and wait for PostgreSQL.
            self.start_servers(load);
        } else {
            tokio::time::sleep(length).await;
        }
        tokio::task::block_in_place(|| self.cluster.resume());
        Instant::now()
    }

    async fn pause(&self, length: Duration) -> Instant {
        let main = self.cluster.pid();
        // The main process first, so that it starts no further children.
        signal(main, Signal::SIGSTOP);
        let children = children(main);
        children
            .iter()
            .for_each(|child| signal(*child, Signal::SIGSTOP));
        tokio::time::sleep(length).await;
        children
            .iter()
            .for_each(|child| signal(*child, Signal::SIGCONT));
        signal(main, Signal::SIGCONT);
        Instant::now()
    }

    /// Applies `forbid`, terminates all sessions for `length`, and applies `allow`.
    async fn forbid(&self, forbid: &[&str], allow: &[&str], length: Duration) -> Instant {
        let client = self.cluster.connect_to("template1").await;
        run(&client, forbid).await;
        let until = Instant::now() + length;
        let end =
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'";
        while Instant::now() < until {
            client.batch_execute(end).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        run(&client, allow).await;
        Instant::now()
    }

    async fn deny(&self, length: Duration) -> Instant {
        let file = self.cluster.data().join("pg_hba.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        // Written in place, so that the file keeps its owner.
        std::fs::write(
            &file,
            format!("host all strongroom_app all reject\n{before}"),
        )
        .unwrap();
        let reload = "select pg_reload_conf()";
        let ended = self.forbid(&[reload], &[], length).await;
        std::fs::write(&file, before).unwrap();
        let client = self.cluster.connect_to("template1").await;
        run(&client, &[reload]).await;
        ended.max(Instant::now())
    }
}

async fn run(client: &tokio_postgres::Client, statements: &[&str]) {
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
}

fn signal(process: u32, signal: Signal) {
    // The process may have ended already.
    let _ = kill(Pid::from_raw(process.cast_signed()), signal);
}

/// The child processes of `process`.
fn children(process: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // pid (name) state parent …, where the name may contain any character.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1) == Some(process.to_string().as_str()) {
            children.push(id);
        }
    }
    children
}
