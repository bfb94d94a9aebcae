//! The thread of the workers.

use std::time::Duration;

use strongroom_domain::ports::error::{StoreError, StoreResult};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The period of a timer that runs all the time. Setting a timer that is the next to fire wakes the
/// thread's driver with two system calls; since this one always fires before a batch's deadline,
/// setting a deadline wakes nothing.
const TICK: Duration = Duration::from_millis(500);

/// The thread of the batch workers and of their connections, so that a worker and its connection do
/// not wake each other across threads. It ends, with all its tasks, when this value is dropped.
pub(crate) struct WorkerThread {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl WorkerThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Internal`] when the system cannot start a thread.
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
