use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CommandError;

/// Completes at SIGINT or SIGTERM. A second signal ends the process at once, with exit status 130.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, CommandError> {
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

/// As [`stop_signal`], also when the terminal is closed.
#[cfg(feature = "dev")]
pub(crate) fn stop_signal_or_hangup() -> Result<impl Future<Output = ()>, CommandError> {
    let stop = stop_signal()?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            () = stop => {}
            _ = hangup.recv() => {}
        }
    })
}

fn listen(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(|error| CommandError::io("cannot listen for signals", &error))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
