use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use strongroom_e2e::{Api, CREDENTIALS, api_key, eventually};
use tokio::task::JoinHandle;

/// A client that creates credentials until it is ended.
pub(super) struct Load {
    ended: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    client: JoinHandle<Done>,
}

/// The outcomes of its writes.
#[derive(Default)]
pub(super) struct Done {
    /// The ids and secrets of writes that were answered with 201.
    pub(super) acknowledged: Vec<(String, String)>,
    /// For each 408, the credential's id, if the answer has it, and the operation's id.
    pub(super) operations: Vec<(Option<String>, String)>,
    /// The other answers.
    pub(super) refused: Vec<String>,
}

impl Load {
    pub(super) fn begin(api: Api, level: &'static str) -> Self {
        let (ended, count) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let client = tokio::spawn(write(api, level, ended.clone(), Arc::clone(&count)));
        Self {
            ended,
            count,
            client,
        }
    }

    /// Waits until `least` writes were acknowledged.
    pub(super) async fn has_acknowledged(&self, least: usize) {
        eventually(
            "writes are acknowledged",
            Duration::from_secs(60),
            async || self.count.load(Ordering::Relaxed) >= least,
        )
        .await;
    }

    pub(super) async fn end(self) -> Done {
        self.ended.store(true, Ordering::Relaxed);
        self.client.await.unwrap()
    }
}

async fn write(
    api: Api,
    level: &'static str,
    ended: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
) -> Done {
    let mut done = Done::default();
    let mut n = 0;
    while !ended.load(Ordering::Relaxed) {
        n += 1;
        let secret = format!("{} {n}", api.url);
        let answer = api
            .request(Method::POST, CREDENTIALS)
            .header("SlashID-Required-Consistency", level)
            .header("SlashID-Required-Consistency-Timeout", "5")
            .timeout(Duration::from_secs(30))
            .json(&api_key(&secret))
            .send()
            .await;
        match answer {
            Ok(answer) => {
                if note(answer, secret, &mut done).await {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => done.refused.push(error.to_string()),
        }
        // A failing deployment answers immediately, and must not be flooded.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done
}

async fn note(answer: reqwest::Response, secret: String, done: &mut Done) -> bool {
    let status = answer.status().as_u16();
    let operation = answer.headers().get("slashid-operation-id").cloned();
    let body: Value = answer.json().await.unwrap_or_default();
    let id = body["result"][0].as_str().map(str::to_owned);
    match (status, id, operation) {
        (201, Some(id), _) => {
            done.acknowledged.push((id, secret));
            return true;
        }
        (408, id, Some(operation)) => {
            let operation = operation.to_str().unwrap().to_owned();
            done.operations.push((id, operation));
        }
        _ => done.refused.push(format!("{status} {body}")),
    }
    false
}
