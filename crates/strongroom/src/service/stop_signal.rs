use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CommandError;

/// Completes at SIGINT or SIGTERM. A second signal ends the process at once, with exit status 130.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
    let listen =
        |kind| signal(kind).map_err(|error| CommandError::io("cannot listen for signals", &error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        either(&mut interrupt, &mut terminate).await;
        tokio::spawn(async move {
            either(&mut interrupt, &mut terminate).await;
            tracing::warn!("second signal: exiting at once");
            std::process::exit(130);
        });
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
