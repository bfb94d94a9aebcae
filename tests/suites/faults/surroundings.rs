//! PostgreSQL is down, slow, unreachable or refuses: requests get 503 in time, and succeed again
//! after the fault without an operator.

use std::time::Duration;

use strongroom_e2e::{Fault, Stage};

use super::{is_whole, settings, survives};

const SHORT: Duration = Duration::from_millis(600);
/// Longer than these servers' statement and request timeouts.
const LONG: Duration = Duration::from_millis(3500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_may_be_away_and_slow() {
    let mut stage = Stage::set(2, false).await;
    let load = stage.load(settings(11));
    let faults = [
        (Fault::DatabaseRestarted, SHORT),
        (Fault::ConnectionsRefused, SHORT),
        (Fault::DatabasePaused, LONG),
        (Fault::NetworkSilent, LONG),
        (Fault::ConnectionsCut, SHORT),
    ];
    survives(&mut stage, &load, &faults).await;
    is_whole(&stage, load).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_may_be_unwilling() {
    let mut stage = Stage::set(2, true).await;
    let load = stage.load(settings(13));
    let mut faults = vec![
        (Fault::ReadOnly, SHORT),
        (Fault::DatabaseClosed, SHORT),
        (Fault::NoConnectionsLeft, SHORT),
        (Fault::AccessDenied, SHORT),
    ];
    match stage.small {
        // Longer, because partly filled pages still have space.
        Some(_) => faults.push((Fault::DiskFull, SHORT * 3)),
        None => println!("skipped: a full disk, which requires the privilege to mount"),
    }
    survives(&mut stage, &load, &faults).await;
    is_whole(&stage, load).await;
}
