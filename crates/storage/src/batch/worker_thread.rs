//! The thread of the workers.

use std::time::Duration;

use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// How often it wakes by itself. Whoever sets a timer that is the next to end wakes the thread's driver by two system
/// calls; with a timer that always ends sooner than a batch's deadline, none of these does.
const TICK: Duration = Duration::from_millis(500);

/// A thread for the workers that everybody waits for, and for their connections: between a worker and its
/// connection no other thread has to be woken. Ends, with all that runs on it, when dropped.
pub(crate) struct WorkerThread {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl WorkerThread {
    /// Starts one.
    ///
    /// # Errors
    /// [`StoreError::Internal`] when the system has no thread left.
    pub(crate) fn start() -> StoreResult<Self> {
        let failed = |error: std::io::Error| StoreError::Internal(error.to_string());
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                runtime.spawn(async {
                    loop {
                        tokio::time::sleep(TICK).await;
                    }
                });
                let _ = runtime.block_on(stopped);
            })
            .map_err(failed)?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}
