use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Load, Stage};

/// What can befall a [`Stage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of both servers.
    ServersKilled,
    /// kill -9 of PostgreSQL.
    DatabaseKilled,
    /// kill -9 of everything.
    EverythingKilled,
    /// PostgreSQL is shut down and started again.
    DatabaseRestarted,
    /// All of PostgreSQL's processes stand still (SIGSTOP).
    DatabasePaused,
    /// Nobody listens on PostgreSQL's port.
    ConnectionsRefused,
    /// The database is closed to connections (`allow_connections false`).
    DatabaseClosed,
    /// PostgreSQL lets nobody in (`pg_hba.conf`).
    AccessDenied,
    /// There are no connections left for the servers.
    NoConnectionsLeft,
    /// The database takes no writes.
    ReadOnly,
    /// All connections are cut, in whatever transaction they are.
    ConnectionsCut,
    /// Nothing gets through between servers and PostgreSQL, and nobody is told.
    NetworkSilent,
    /// There is no room left for tables.
    DiskFull,
    /// One of the servers stands still (SIGSTOP), and then goes on as if nothing had happened.
    ServerPaused,
}

impl Fault {
    /// All of them.
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

    /// Words of the cause, of which operators find one in the servers' log; none when servers do not see the fault.
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
    /// Lets `fault` befall servers and PostgreSQL for `length`; when its cause ended.
    pub async fn suffer(&mut self, fault: Fault, length: Duration, load: &Load) -> Instant {
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
            Fault::DatabasePaused => self.pause(length).await,
            Fault::ConnectionsRefused => {
                self.way.refuse();
                tokio::time::sleep(length).await;
                self.way.heal();
                Instant::now()
            }
            Fault::ConnectionsCut => {
                let before = load.troubles().len();
                self.way.refuse();
                // On a busy machine nobody may come across it for a while.
                load.has_failed(before).await;
                self.way.heal();
                Instant::now()
            }
            Fault::NetworkSilent => {
                self.way.cut();
                tokio::time::sleep(length).await;
                self.way.heal();
                Instant::now()
            }
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
            Fault::ReadOnly => {
                let on = "alter system set default_transaction_read_only = on";
                let off = "alter system reset default_transaction_read_only";
                let reload = "select pg_reload_conf()";
                let client = self.cluster.connect_to("template1").await;
                run(&client, &[on, reload]).await;
                tokio::time::sleep(length).await;
                run(&client, &[off, reload]).await;
                Instant::now()
            }
            Fault::DiskFull => {
                let small = self
                    .small
                    .as_ref()
                    .expect("the stage was set with a small disk");
                small.fill();
                tokio::time::sleep(length).await;
                small.empty();
                Instant::now()
            }
        }
    }

    async fn lose_database(&mut self, fault: Fault, length: Duration, load: &Load) -> Instant {
        match fault {
            Fault::DatabaseRestarted => tokio::task::block_in_place(|| self.cluster.stop()),
            _ => {
                // Its children as well, which would otherwise end their transactions first.
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
            // They start first, and wait for it.
            self.start_servers(load);
        } else {
            tokio::time::sleep(length).await;
        }
        tokio::task::block_in_place(|| self.cluster.resume());
        Instant::now()
    }

    async fn pause(&self, length: Duration) -> Instant {
        let main = self.cluster.pid();
        // The main process first, so that it starts no others meanwhile.
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

    /// Lets no session of the servers begin or go on for `length`.
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
        // Written in place, so that it stays PostgreSQL's.
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
    // One that has ended meanwhile needs none.
    let _ = kill(Pid::from_raw(process.cast_signed()), signal);
}

/// The processes that `process` has started.
fn children(process: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // pid (name) state parent …, where the name may hold anything.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1) == Some(process.to_string().as_str()) {
            children.push(id);
        }
    }
    children
}
