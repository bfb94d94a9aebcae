use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::ServerConfig;
use strongroom_domain::{Clock, SystemClock};
use strongroom_web::state::AppState;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::hangup::Hangup;
use crate::tls::{BrokenTls, Content, LoadedTls, TlsFiles};

const INTERVAL: Duration = Duration::from_secs(2);
/// How long before its expiry a certificate is warned about.
const WARN_BEFORE: TimeDelta = TimeDelta::days(14);
/// How often the warning is repeated.
const WARN_INTERVAL: TimeDelta = TimeDelta::days(1);

/// Reloads the listener's TLS files. While they are invalid, the previous ones stay in use. Stops
/// when dropped.
pub(crate) struct TlsReloader {
    receiver: watch::Receiver<Arc<ServerConfig>>,
    _task: AbortOnDropHandle<()>,
}

impl TlsReloader {
    /// Loads the files now and, when they change, again.
    ///
    /// # Errors
    /// When the files are invalid now.
    pub(crate) fn start(files: TlsFiles, state: AppState) -> Result<Self, BrokenTls> {
        let content = files.read()?;
        let loaded = files.prepare(&content)?;
        let (sender, receiver) = watch::channel(loaded.config.clone());
        state.show_tls_expiry(loaded.not_after.timestamp());
        let mut reload = Reload {
            files,
            state,
            sender,
            content,
            not_after: loaded.not_after,
            warned: None,
            broken: None,
        };
        reload.warn_of_expiry();
        let task = tokio::spawn(async move {
            let mut hangup = Hangup::new();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    () = hangup.received() => {}
                }
                reload.run();
                reload.warn_of_expiry();
            }
        });
        Ok(Self {
            receiver,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// The TLS configuration for new connections.
    pub(crate) fn config(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.receiver.clone()
    }
}

struct Reload {
    files: TlsFiles,
    state: AppState,
    sender: watch::Sender<Arc<ServerConfig>>,
    content: Content,
    not_after: DateTime<Utc>,
    warned: Option<DateTime<Utc>>,
    // What is wrong with the files, and whether it was logged.
    broken: Option<(BrokenTls, bool)>,
}

impl Reload {
    fn run(&mut self) {
        match self.changed() {
            Ok(None) => self.broken = None,
            Ok(Some((content, loaded))) => {
                tracing::info!(not_after = %loaded.not_after, "new TLS certificate");
                self.broken = None;
                self.warned = None;
                (self.content, self.not_after) = (content, loaded.not_after);
                self.state.show_tls_expiry(loaded.not_after.timestamp());
                self.sender.send_replace(loaded.config);
            }
            Err(broken) => self.log_when_repeated(broken),
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

    // Certificate and key are replaced one after the other: an error that lasts for less than one
    // interval is not logged.
    fn log_when_repeated(&mut self, broken: BrokenTls) {
        match &mut self.broken {
            Some((known, logged)) if *known == broken => {
                if !std::mem::replace(logged, true) {
                    tracing::error!(
                        file = %broken.file.display(),
                        problem = broken.problem,
                        "TLS files cannot be used; the previous ones stay in use"
                    );
                }
            }
            other => *other = Some((broken, false)),
        }
    }

    fn warn_of_expiry(&mut self) {
        let now = SystemClock.now();
        let warned = self.warned.is_some_and(|at| now - at < WARN_INTERVAL);
        if warned || self.not_after - now > WARN_BEFORE {
            return;
        }
        self.warned = Some(now);
        let (file, not_after) = (self.files.cert.display(), self.not_after);
        if not_after <= now {
            tracing::error!(%file, %not_after, "the TLS certificate has expired");
        } else {
            tracing::warn!(%file, %not_after, "the TLS certificate expires soon");
        }
    }
}
