use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::journal::{FailedRequest, Item, Journal, Nameless, Org};
use crate::api::{CREDENTIALS, api_key};
use crate::history::{Answer, Call, Op};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause after a failure, so that an outage causes no flood of requests.
const PAUSE: Duration = Duration::from_millis(20);
/// The number of credentials that an organization's callers share.
const SHARED: usize = 5;

/// A caller, which sends one request after another.
pub(super) struct Caller {
    journal: Arc<Journal>,
    org: usize,
    random: fastrand::Rng,
    client: Client,
}

/// The outcome of a request.
enum Sent {
    Answered(u16, Value),
    /// The request had no effect.
    Refused,
    /// The outcome is unknown.
    Unknown,
}

impl Caller {
    pub(super) fn new(journal: &Arc<Journal>, org: usize, random: fastrand::Rng) -> Self {
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Self {
            journal: journal.clone(),
            org,
            random,
            client,
        }
    }

    pub(super) async fn run(mut self, pause: Duration) {
        while !self.journal.is_stopped() {
            let succeeded = self.step().await;
            tokio::time::sleep(if succeeded { pause } else { pause + PAUSE }).await;
        }
    }

    fn org(&self) -> &Org {
        &self.journal.orgs[self.org]
    }

    async fn step(&mut self) -> bool {
        let few = self.journal.orgs[self.org].hot.lock().unwrap().len() < SHARED;
        let item = self.journal.orgs[self.org].some_item(&mut self.random);
        let Some(item) = item.filter(|_| !few) else {
            return self.create().await;
        };
        let secret = self.journal.number();
        let op = match self.random.u32(..100) {
            0..2 => Op::Delete,
            2..35 => Op::Update(secret),
            35..80 => Op::Reveal,
            80..95 => Op::List,
            _ => return self.create().await,
        };
        self.operate(&item, op).await
    }

    async fn create(&mut self) -> bool {
        let secret = self.journal.number();
        let label = format!("load-{secret}");
        let mut body = api_key(&text(secret));
        body["extcred_label"] = json!(label);
        let begun = Instant::now();
        let sent = self.send(Method::POST, CREDENTIALS, Some(&body)).await;
        let possible = match sent {
            Sent::Answered(201, body) => {
                let id = body["result"][0].as_str().unwrap().to_owned();
                let created = Call {
                    op: Op::Create(secret),
                    begun,
                    ended: Some((Instant::now(), Answer::Done)),
                };
                self.org().add(Item::new(id, label, created));
                self.journal.count(|counts| {
                    counts.done += 1;
                    counts.written += 1;
                    counts.created += 1;
                });
                return true;
            }
            Sent::Answered(status, body) => {
                self.unexpected(begun, &format!("POST: {status} {body}"));
                true
            }
            Sent::Unknown => {
                self.journal.count(|counts| counts.unknown += 1);
                true
            }
            Sent::Refused => false,
        };
        self.org().nameless.lock().unwrap().push(Nameless {
            label,
            secret,
            possible,
        });
        false
    }

    async fn operate(&mut self, item: &Arc<Item>, op: Op) -> bool {
        let begun = Instant::now();
        let sent = self.send_operation(item, op).await;
        let ended = Instant::now();
        let writes = matches!(op, Op::Update(_) | Op::Delete);
        let answer = match sent {
            Sent::Answered(status, body) => {
                let answer = answer(op, status, &body);
                match answer {
                    Some(answer) => self.journal.count(|counts| {
                        counts.done += 1;
                        counts.written += usize::from(writes && answer == Answer::Done);
                    }),
                    None => self.unexpected(begun, &format!("{op:?}: {status} {body}")),
                }
                answer
            }
            Sent::Refused => return false,
            Sent::Unknown => None,
        };
        if answer.is_none() && !writes {
            return false;
        }
        self.journal
            .count(|counts| counts.unknown += usize::from(answer.is_none()));
        let call = Call {
            op,
            begun,
            ended: answer.map(|answer| (ended, answer)),
        };
        if !item.note(call) || op == Op::Delete {
            self.org().retire(item);
        }
        answer.is_some()
    }

    async fn send_operation(&mut self, item: &Item, op: Op) -> Sent {
        let path = format!("{CREDENTIALS}/{}", item.id);
        match op {
            Op::Create(_) => unreachable!("the credential exists"),
            Op::Update(secret) => {
                let body = json!({"json_blob": {"api_key": text(secret)}});
                self.send(Method::PATCH, &path, Some(&body)).await
            }
            Op::Delete => {
                let path = format!("{CREDENTIALS}?credentialId={}", item.id);
                self.send(Method::DELETE, &path, None).await
            }
            Op::Reveal => self.send(Method::GET, &path, None).await,
            Op::List => {
                let path = format!("{CREDENTIALS}?extcred_label={}", item.label);
                self.send(Method::GET, &path, None).await
            }
        }
    }

    fn request(&mut self, method: Method, path: &str) -> RequestBuilder {
        let server = self.journal.some_server(&mut self.random);
        let admin = &self.org().admin;
        let request = self.client.request(method, format!("{server}{path}"));
        request
            .header("SlashID-OrgID", &admin.org)
            .header("SlashID-API-Key", &admin.key)
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> Sent {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let begun = Instant::now();
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                self.expected(begun, &format!("{error:?}"));
                return match error.is_connect() {
                    true => Sent::Refused,
                    false => Sent::Unknown,
                };
            }
        };
        let status = answer.status().as_u16();
        let text = answer.text().await;
        let Ok(body) = text.map(|text| serde_json::from_str(&text).unwrap_or_default()) else {
            self.expected(begun, "the answer ended early");
            return Sent::Unknown;
        };
        if status != 503 {
            return Sent::Answered(status, body);
        }
        let took = begun.elapsed();
        self.expected(begun, &format!("503 {}", body["errors"][0]));
        self.journal.count(|counts| {
            counts.slowest_refusal = counts.slowest_refusal.max(took);
        });
        if body["errors"][0]["code"] == "outcome_unknown" {
            return Sent::Unknown;
        }
        self.journal.count(|counts| counts.refused += 1);
        Sent::Refused
    }

    fn expected(&self, begun: Instant, what: &str) {
        self.failed(begun, what, true);
    }

    fn unexpected(&self, begun: Instant, what: &str) {
        self.failed(begun, what, false);
    }

    fn failed(&self, begun: Instant, what: &str, expected: bool) {
        self.journal.add_failure(FailedRequest {
            begun,
            took: begun.elapsed(),
            what: what.to_owned(),
            expected,
        });
    }
}

pub(super) fn text(secret: u64) -> String {
    format!("canary-{secret}")
}

/// The meaning of an answer; `None` if the answer is not allowed.
pub(super) fn answer(op: Op, status: u16, body: &Value) -> Option<Answer> {
    match (op, status) {
        (Op::Update(_) | Op::Delete, 204) => Some(Answer::Done),
        (Op::Update(_) | Op::Reveal, 404) => Some(Answer::Missing),
        (Op::Reveal, 200) => {
            let secret = body["result"]["json_blob"]["api_key"].as_str()?;
            secret
                .strip_prefix("canary-")?
                .parse()
                .ok()
                .map(Answer::Secret)
        }
        (Op::List, 200) => match body["result"].as_array()?.len() {
            0 => Some(Answer::Missing),
            1 => Some(Answer::Listed),
            _ => None,
        },
        _ => None,
    }
}
