use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use super::journal::{Item, Journal, Nameless, Org, Trouble};
use crate::{CREDENTIALS, Call, Op, Told, api_key};

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after a failure, so that an outage is no flood.
const PAUSE: Duration = Duration::from_millis(20);
/// How many credentials an organization's callers share.
const SHARED: usize = 5;

/// One caller, which does one thing after another.
pub(super) struct Caller {
    journal: Arc<Journal>,
    org: usize,
    random: fastrand::Rng,
    client: Client,
}

/// What became of a request.
enum Sent {
    Answered(u16, Value),
    /// Nothing was done.
    Refused,
    /// Nobody knows.
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
            let fine = self.step().await;
            tokio::time::sleep(if fine { pause } else { pause + PAUSE }).await;
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
                    ended: Some((Instant::now(), Told::Done)),
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
        let path = format!("{CREDENTIALS}/{}", item.id);
        let sent = match op {
            Op::Create(_) => unreachable!("it is there"),
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
        };
        let ended = Instant::now();
        let writes = matches!(op, Op::Update(_) | Op::Delete);
        let told = match sent {
            Sent::Answered(status, body) => match told(op, status, &body) {
                Some(told) => {
                    self.journal.count(|counts| {
                        counts.done += 1;
                        counts.written += usize::from(writes && told == Told::Done);
                    });
                    Some((ended, told))
                }
                None => {
                    self.unexpected(begun, &format!("{op:?}: {status} {body}"));
                    None
                }
            },
            Sent::Refused => return false,
            Sent::Unknown => None,
        };
        if told.is_none() && !writes {
            return false;
        }
        self.journal
            .count(|counts| counts.unknown += usize::from(told.is_none()));
        let call = Call {
            op,
            begun,
            ended: told,
        };
        if !item.note(call) || op == Op::Delete {
            self.org().retire(item);
        }
        told.is_some()
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
        self.trouble(begun, what, true);
    }

    fn unexpected(&self, begun: Instant, what: &str) {
        self.trouble(begun, what, false);
    }

    fn trouble(&self, begun: Instant, what: &str, expected: bool) {
        self.journal.trouble(Trouble {
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

/// What an answer says; none when it is not one that is allowed.
pub(super) fn told(op: Op, status: u16, body: &Value) -> Option<Told> {
    match (op, status) {
        (Op::Update(_) | Op::Delete, 204) => Some(Told::Done),
        (Op::Update(_) | Op::Reveal, 404) => Some(Told::Missing),
        (Op::Reveal, 200) => {
            let secret = body["result"]["json_blob"]["api_key"].as_str()?;
            secret
                .strip_prefix("canary-")?
                .parse()
                .ok()
                .map(Told::Secret)
        }
        (Op::List, 200) => match body["result"].as_array()?.len() {
            0 => Some(Told::Missing),
            1 => Some(Told::Listed),
            _ => None,
        },
        _ => None,
    }
}
