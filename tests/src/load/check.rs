use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::caller::{answer, text};
use super::journal::{Counts, FailedRequest, Item, Journal, Org};
use crate::api::{Api, CREDENTIALS};
use crate::history::{Call, Op, is_linearizable};
use crate::vault::TestVault;

/// The number of credentials that are read concurrently at the end.
const TOGETHER: usize = 8;

/// A load that has ended, to be compared with the database.
pub struct Checked {
    journal: Arc<Journal>,
    /// The counts of requests.
    pub counts: Counts,
    /// The number of checked histories.
    pub histories: usize,
    /// The number of unacknowledged creates, and the number of those that took effect.
    pub unacknowledged: (usize, usize),
}

impl Checked {
    pub(super) fn of(journal: Arc<Journal>) -> Self {
        let counts = journal.counts();
        Self {
            journal,
            counts,
            histories: 0,
            unacknowledged: (0, 0),
        }
    }

    /// The requests that failed.
    #[must_use]
    pub fn failed_requests(&self) -> Vec<FailedRequest> {
        self.journal.failed_requests()
    }

    /// Panics unless each failed request had no answer, or a 503 within `limit`.
    pub fn answered_well(&self, limit: Duration) {
        for failed in self.failed_requests() {
            assert!(failed.expected, "{failed:?}");
        }
        let slowest = self.counts.slowest_refusal;
        assert!(slowest <= limit, "a 503 took {slowest:?}");
    }

    /// Panics unless each acknowledged write is present and opens, each unacknowledged one is
    /// present or absent as a whole, all histories are linearizable, and the audit trail agrees.
    /// The server at `url` has to be ready.
    pub async fn is_whole(&mut self, vault: &TestVault, url: &str) {
        let journal = self.journal.clone();
        for org in &journal.orgs {
            let api = org.admin.at(url);
            self.nameless(org, &api).await;
            let items = org.all.lock().unwrap().clone();
            let reads = futures_util::stream::iter(&items).map(|item| read_last(&api, item));
            let reads: Vec<()> = reads.buffer_unordered(TOGETHER).collect().await;
            drop(reads);
            self.histories += items.len();
            let checked = tokio::task::spawn_blocking(move || {
                items.iter().for_each(|item| check_history(item));
            });
            checked.await.unwrap();
        }
        trail_is_whole(vault).await;
        for command in [&["audit", "verify"][..], &["verify"]] {
            let done = vault.run(command);
            assert!(done.success, "{command:?}: {} {}", done.stdout, done.stderr);
        }
    }

    // Checks credentials that were never acknowledged, whose ids are therefore unknown.
    async fn nameless(&mut self, org: &Org, api: &Api) {
        let mut listed = labels(api).await;
        for item in org.all.lock().unwrap().iter() {
            listed.remove(&item.label);
        }
        let nameless = org.nameless.lock().unwrap().clone();
        self.unacknowledged.0 += nameless.len();
        for nameless in nameless {
            let Some(id) = listed.remove(&nameless.label) else {
                continue;
            };
            assert!(nameless.possible, "refused, but present: {nameless:?}");
            self.unacknowledged.1 += 1;
            assert_eq!(api.secret(&id).await["api_key"], text(nameless.secret));
        }
        assert!(listed.is_empty(), "never created: {listed:?}");
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            done,
            written,
            refused,
            unknown,
            created,
            slowest_refusal,
        } = self.counts;
        let (lost, there) = self.unacknowledged;
        write!(
            f,
            "{done} operations, {written} of them acknowledged writes, {created} new credentials; \
             {refused} refused, the slowest after {} ms; {unknown} writes with unknown outcome; \
             {there} of {lost} unacknowledged creates took effect; {} linearizable histories",
            slowest_refusal.as_millis(),
            self.histories
        )
    }
}

async fn read_last(api: &Api, item: &Item) {
    let begun = Instant::now();
    let response = api.reveal(&item.id).await;
    let status = response.status().as_u16();
    let body = response.json().await.unwrap();
    let answer = answer(Op::Reveal, status, &body);
    let answer = answer.unwrap_or_else(|| panic!("{} does not open: {status} {body}", item.id));
    item.note(Call {
        op: Op::Reveal,
        begun,
        ended: Some((Instant::now(), answer)),
    });
}

fn check_history(item: &Item) {
    let mut calls = item.calls.lock().unwrap().clone();
    calls.sort_by_key(|call| call.begun);
    let start = calls[0].begun;
    let shown = |call: &Call| {
        let ended = call.ended.map(|(ended, answer)| (ended - start, answer));
        format!("{:?} at {:?}, ended {ended:?}", call.op, call.begun - start)
    };
    assert!(
        is_linearizable(&calls),
        "the history of {} is not linearizable:\n{}",
        item.id,
        calls.iter().map(shown).collect::<Vec<_>>().join("\n")
    );
}

/// The ids of all credentials, by label.
async fn labels(api: &Api) -> HashMap<String, String> {
    let mut labels = HashMap::new();
    let mut cursor = String::new();
    loop {
        let answer = api
            .get(&format!("{CREDENTIALS}?limit=1000&cursor={cursor}"))
            .await;
        assert_eq!(answer.status(), 200);
        let body: serde_json::Value = answer.json().await.unwrap();
        for row in body["result"].as_array().unwrap() {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let before = labels.insert(text("extcred_label"), text("external_cred_id"));
            assert_eq!(before, None, "listed twice: {row}");
        }
        let next = &body["meta"]["cursor_pagination"]["cursor"];
        next.as_str().unwrap().clone_into(&mut cursor);
        if cursor.is_empty() {
            return labels;
        }
    }
}

const GAPS: &str = "select count(*) from (select from audit_events group by org_id, lane \
     having min(seq) <> 1 or max(seq) <> count(*) or count(distinct seq) <> count(*)) as broken";
/// Rows without exactly one event per version.
const UNRECORDED: &str = "select count(*) from credentials left join ( \
       select org_id, cred_id, count(*) as events, max(version) as latest, \
         count(*) filter (where action = 'credential.create') as creations \
       from audit_events where action in ('credential.create', 'credential.update') \
         and version is not null \
       group by org_id, cred_id) as written using (org_id, cred_id) \
     where (events, latest, creations) \
       is distinct from (credentials.version, credentials.version, 1::bigint)";
/// Creations without a row or a deletion.
const EMPTY: &str = "select count(*) from (select org_id, cred_id from audit_events \
       where action = 'credential.create' and version is not null \
       except select org_id, cred_id from audit_events where action = 'credential.delete' \
       except select org_id, cred_id from credentials) as lost";

/// Checks that each version of each credential has exactly one event, and that no lane has a gap.
pub(crate) async fn trail_is_whole(vault: &TestVault) {
    let client = vault.database.connect().await;
    let checks = [
        ("lanes with a gap or a duplicate", GAPS),
        ("credentials without their events", UNRECORDED),
        ("events without their credential", EMPTY),
    ];
    for (what, query) in checks {
        let count: i64 = client.query_one(query, &[]).await.unwrap().get(0);
        assert_eq!(count, 0, "{what}");
    }
}
