use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::ServerConfig;
use strongroom_domain::{Clock, SystemClock};
use strongroom_web::state::AppState;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{BrokenTls, Content, LoadedTls, TlsFiles};

/// How often the files are read again.
const EVERY: Duration = Duration::from_secs(2);
/// From when on an expiry is warned of.
const SOON: TimeDelta = TimeDelta::days(14);
/// How often it is.
const REMIND_EVERY: TimeDelta = TimeDelta::days(1);

/// Keeps the listener's TLS as the files are. When they are broken, what was there before goes on.
pub(crate) struct TlsKeeper {
    receiver: watch::Receiver<Arc<ServerConfig>>,
    task: JoinHandle<()>,
}

impl TlsKeeper {
    /// Reads the files, and from then on again and again.
    ///
    /// # Errors
    /// When they are broken at the beginning.
    pub(crate) fn start(files: TlsFiles, state: AppState) -> Result<Self, BrokenTls> {
        let content = files.read()?;
        let loaded = files.prepare(&content)?;
        let (sender, receiver) = watch::channel(loaded.config.clone());
        state.show_tls_expiry(loaded.not_after.timestamp());
        let mut keeping = Keeping {
            files,
            state,
            sender,
            content,
            not_after: loaded.not_after,
            reminded: None,
            broken: None,
        };
        keeping.remind();
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                keeping.look();
                keeping.remind();
            }
        });
        Ok(Self { receiver, task })
    }

    /// What new connections speak TLS with.
    pub(crate) fn config(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.receiver.clone()
    }
}

impl Drop for TlsKeeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeping {
    files: TlsFiles,
    state: AppState,
    sender: watch::Sender<Arc<ServerConfig>>,
    content: Content,
    not_after: DateTime<Utc>,
    reminded: Option<DateTime<Utc>>,
    // What is wrong, and whether it was said.
    broken: Option<(BrokenTls, bool)>,
}

impl Keeping {
    fn look(&mut self) {
        match self.changed() {
            Ok(None) => self.broken = None,
            Ok(Some((content, loaded))) => {
                tracing::info!(not_after = %loaded.not_after, "new TLS certificate");
                self.broken = None;
                self.reminded = None;
                (self.content, self.not_after) = (content, loaded.not_after);
                self.state.show_tls_expiry(loaded.not_after.timestamp());
                self.sender.send_replace(loaded.config);
            }
            Err(broken) => self.complain(broken),
        }
    }

    fn changed(&self) -> Result<Option<(Content, LoadedTls)>, BrokenTls> {
        let content = self.files.read()?;
        if content == self.content {
            return Ok(None);
        }
        let loaded = self.files.prepare(&content)?;
        Ok(Some((content, loaded)))
    }

    // Between a new certificate and its new key there is a moment in which they do not fit; that is not worth a word.
    fn complain(&mut self, broken: BrokenTls) {
        match &mut self.broken {
            Some((known, said)) if *known == broken => {
                if !std::mem::replace(said, true) {
                    tracing::error!(
                        file = %broken.file.display(),
                        problem = broken.problem,
                        "TLS files cannot be used; those from before are"
                    );
                }
            }
            other => *other = Some((broken, false)),
        }
    }

    fn remind(&mut self) {
        let now = SystemClock.now();
        let quiet = self.reminded.is_some_and(|at| now - at < REMIND_EVERY);
        if quiet || self.not_after - now > SOON {
            return;
        }
        self.reminded = Some(now);
        let (file, not_after) = (self.files.cert.display(), self.not_after);
        if not_after <= now {
            tracing::error!(%file, %not_after, "the TLS certificate has expired");
        } else {
            tracing::warn!(%file, %not_after, "the TLS certificate expires soon");
        }
    }
}
