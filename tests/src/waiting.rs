use std::time::{Duration, Instant};

/// Waits until `condition` holds, which is checked every 20 ms; panics after `limit`.
pub async fn eventually(what: &str, limit: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + limit;
    while !condition().await {
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
