use std::path::PathBuf;

use strongroom_storage::Database;
use tokio_util::task::AbortOnDropHandle;

use crate::hangup::Hangup;
use crate::settings::access::read_url_file;

/// Reads the database's URL again at SIGHUP, if it is in a file. While the file is wrong, the
/// previous URL stays in use. Stops when dropped.
pub(crate) struct UrlReloader {
    _task: AbortOnDropHandle<()>,
}

impl UrlReloader {
    /// Waits for SIGHUP; `file` contains the URL of `database`.
    pub(crate) fn start(database: Database, file: Option<PathBuf>) -> Self {
        let task = tokio::spawn(async move {
            let mut hangup = Hangup::new();
            loop {
                hangup.received().await;
                tracing::info!("SIGHUP: reading the files of keys, TLS and the URL again");
                if let Some(file) = &file {
                    reload(&database, file);
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
        }
    }
}

fn reload(database: &Database, file: &std::path::Path) {
    let problem = match read_url_file(file) {
        Ok(url) => {
            let place = url.redacted();
            match database.redirect(&url) {
                Ok(()) => return tracing::info!(database = place, "the database's URL is read"),
                Err(error) => error.to_string(),
            }
        }
        Err(problem) => problem,
    };
    let file = file.display();
    tracing::error!(%file, problem, "the previous URL of the database stays in use");
}
