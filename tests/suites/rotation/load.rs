use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use strongroom_e2e::Api;
use tokio::task::JoinSet;

/// Creates, reads and changes credentials at every server until it is finished. No request may
/// fail, and each credential must have its last secret at the end.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<Vec<(String, String)>>,
}

impl Load {
    pub(super) fn start(callers: &[Api]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for (worker, api) in callers.iter().enumerate() {
            workers.spawn(work(worker, api.clone(), stop.clone()));
        }
        Self { stop, workers }
    }

    pub(super) async fn finish(mut self, api: &Api) {
        self.stop.store(true, Ordering::Relaxed);
        let mut checked = 0;
        while let Some(written) = self.workers.join_next().await {
            for (id, secret) in written.unwrap() {
                assert_eq!(secret_of(api, &id).await, secret);
                checked += 1;
            }
        }
        assert!(checked > 0);
    }
}

async fn work(worker: usize, api: Api, stop: Arc<AtomicBool>) -> Vec<(String, String)> {
    let mut written: Vec<(String, String)> = Vec::new();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let secret = format!("worker {worker} round {round}");
        if round % 3 == 2 {
            let (id, held) = written.last_mut().unwrap();
            let changed = api
                .patch(id, &json!({"json_blob": {"api_key": secret}}))
                .await;
            assert_eq!(changed.status(), 204);
            *held = secret;
        } else {
            let id = api.create(&secret).await;
            written.push((id, secret));
        }
        let (id, held) = &written[round / 2 % written.len()];
        assert_eq!(&secret_of(&api, id).await, held);
    }
    written
}

/// The secret of the credential `id`.
pub(super) async fn secret_of(api: &Api, id: &str) -> String {
    let answer = api.reveal(id).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    body["result"]["json_blob"]["api_key"]
        .as_str()
        .unwrap()
        .to_owned()
}
