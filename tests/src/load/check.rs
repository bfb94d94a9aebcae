use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::caller::{text, told};
use super::journal::{Counts, Item, Journal, Org, Trouble};
use crate::{Api, CREDENTIALS, Call, Op, TestVault, is_linearizable};

/// How many credentials are read at a time in the end.
const TOGETHER: usize = 8;

/// A load that has ended, to be compared with what the database holds.
pub struct Checked {
    journal: Arc<Journal>,
    /// What was done.
    pub counts: Counts,
    /// Histories that were judged.
    pub histories: usize,
    /// Writes without an acknowledgement, and how many of them had happened.
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

    /// What went wrong: requests without the answer that was hoped for.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        self.journal.troubles()
    }

    /// Fails unless each refusal was an honest 503 within `limit`.
    pub fn answered_well(&self, limit: Duration) {
        for trouble in self.troubles() {
            assert!(trouble.expected, "{trouble:?}");
        }
        let slowest = self.counts.slowest_refusal;
        assert!(slowest <= limit, "a 503 took {slowest:?}");
    }

    /// Fails unless all that was acknowledged is there and opens, what was not is wholly there or not at all, all
    /// histories are linearizable, and the audit trail says the same. The server at `url` has to serve.
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
            let judged =
                tokio::task::spawn_blocking(move || items.iter().for_each(|item| judge(item)));
            judged.await.unwrap();
        }
        trail_is_whole(vault).await;
        for command in [&["audit", "verify"][..], &["verify"]] {
            let done = vault.run(command);
            assert!(done.success, "{command:?}: {} {}", done.stdout, done.stderr);
        }
    }

    // What was never acknowledged, and so has no id that anybody knows.
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
            assert!(nameless.possible, "was refused, and is there: {nameless:?}");
            self.unacknowledged.1 += 1;
            assert_eq!(api.secret(&id).await["api_key"], text(nameless.secret));
        }
        assert!(listed.is_empty(), "nobody has created {listed:?}");
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
            "{done} operations, {written} of them acknowledged writes, {created} new credentials; {refused} refused, \
             the slowest after {} ms; {unknown} writes with unknown outcome; of {lost} creates without \
             acknowledgement {there} were there; {} histories are linearizable",
            slowest_refusal.as_millis(),
            self.histories
        )
    }
}

async fn read_last(api: &Api, item: &Item) {
    let begun = Instant::now();
    let answer = api.reveal(&item.id).await;
    let status = answer.status().as_u16();
    let body = answer.json().await.unwrap();
    let told = told(Op::Reveal, status, &body);
    let told = told.unwrap_or_else(|| panic!("{} does not open: {status} {body}", item.id));
    item.note(Call {
        op: Op::Reveal,
        begun,
        ended: Some((Instant::now(), told)),
    });
}

fn judge(item: &Item) {
    let mut calls = item.calls.lock().unwrap().clone();
    calls.sort_by_key(|call| call.begun);
    let start = calls[0].begun;
    let shown = |call: &Call| {
        let ended = call.ended.map(|(ended, told)| (ended - start, told));
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
            assert_eq!(before, None, "{row} is there twice");
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
/// Rows that their events do not account for: one event for each version.
const UNRECORDED: &str = "select count(*) from credentials left join ( \
       select org_id, cred_id, count(*) as events, max(version) as latest, \
         count(*) filter (where action = 'credential.create') as creations \
       from audit_events where action in ('credential.create', 'credential.update') and version is not null \
       group by org_id, cred_id) as written using (org_id, cred_id) \
     where (events, latest, creations) is distinct from (credentials.version, credentials.version, 1::bigint)";
/// Events without their rows.
const EMPTY: &str = "select count(*) from (select org_id, cred_id from audit_events \
       where action = 'credential.create' and version is not null \
       except select org_id, cred_id from audit_events where action = 'credential.delete' \
       except select org_id, cred_id from credentials) as lost";

/// Each version of each credential has its one event, and no lane has a gap.
pub(crate) async fn trail_is_whole(vault: &TestVault) {
    let client = vault.database.connect().await;
    let checks = [
        ("lanes with a gap or a double", GAPS),
        ("credentials without their events", UNRECORDED),
        ("events without their credential", EMPTY),
    ];
    for (what, query) in checks {
        let count: i64 = client.query_one(query, &[]).await.unwrap().get(0);
        assert_eq!(count, 0, "{what}");
    }
}
