//! An upstream that does not answer is a condition of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_e2e::{Scrape, eventually};

use super::scene::{NAME, Scene, addresses, echo};

const LIMIT: Duration = Duration::from_secs(30);

async fn is_active(scene: &Scene) -> bool {
    let labels = ["of=\"server\"", "condition=\"upstream_away\""];
    let metrics = Scrape::of(&scene.vault.admin.url).await;
    metrics.number("strongroom_condition_active", &labels) == 1.0
}

/// The lines of the log with this text.
fn lines(scene: &Scene, text: &str) -> Vec<String> {
    let log = scene.vault.server.log();
    let lines = log.lines().filter(|line| line.contains(text));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_condition() {
    let resolves = Arc::new(AtomicBool::new(false));
    let shared = resolves.clone();
    let answers = Arc::new(move |_: &str, _| {
        let known = shared.load(Ordering::SeqCst);
        Some(addresses(if known { &["127.0.0.1"] } else { &[] }))
    });
    let scene = Scene::start_with(echo(), answers, &[]).await;
    for _ in 0..2 {
        assert_eq!(scene.error("/").await, (502, "upstream_unreachable".into()));
    }
    assert!(!is_active(&scene).await);
    scene.error("/").await;
    assert!(is_active(&scene).await);
    let away = "strongroom_relay_upstreams_away";
    assert_eq!(scene.vault.admin.metric(away).await, Some(1.0));
    for _ in 0..3 {
        scene.error("/").await;
    }
    let begun = "\"the upstream does not answer\"";
    eventually("the host is logged", LIMIT, async || {
        !lines(&scene, begun).is_empty()
    })
    .await;
    let line = lines(&scene, begun);
    assert_eq!(line.len(), 1, "{line:?}");
    assert!(
        line[0].contains(NAME) && line[0].contains("WARN"),
        "{line:?}"
    );
    resolves.store(true, Ordering::SeqCst);
    assert_eq!(scene.get("/").await.0, 200);
    eventually("the condition is over", LIMIT, async || {
        !is_active(&scene).await
    })
    .await;
    eventually("the end is logged", LIMIT, async || {
        lines(&scene, "\"over: the upstream does not answer\"").len() == 1
    })
    .await;
}
