use prometheus::proto::MetricFamily;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::counters::{Counters, RotationCounts};
use strongroom_domain::ports::lifecycle::EXPIRY_WINDOWS;

use crate::metrics::family::Family;

/// A count that is shown as a metric without labels.
struct Counted {
    name: &'static str,
    help: &'static str,
    count: fn(&Counters) -> &Count,
}

/// Counts that never decrease while the process lives. To show another one, add it here.
const COUNTERS: &[Counted] = &[
    Counted {
        name: "strongroom_seal_failures_total",
        help: "Stored values that a request needed and that did not open or were malformed.",
        count: |counters| &counters.seal_failures,
    },
    Counted {
        name: "strongroom_integrity_failures_total",
        help: "Findings of the integrity scrub; a finding that persists is counted by each run.",
        count: |counters| &counters.integrity_failures,
    },
    Counted {
        name: "strongroom_scrub_rows_total",
        help: "Rows that the integrity scrub has checked.",
        count: |counters| &counters.scrub_rows,
    },
    Counted {
        name: "strongroom_scrub_runs_total",
        help: "Runs of the integrity scrub on this server that finished.",
        count: |counters| &counters.scrub_runs,
    },
    Counted {
        name: "strongroom_replication_timeouts_total",
        help: "Writes answered 408 because a region did not have them in time.",
        count: |counters| &counters.replication_timeouts,
    },
    Counted {
        name: "strongroom_last_used_dropped_total",
        help: "Last-used times that were discarded because too many were waiting.",
        count: |counters| &counters.last_used_dropped,
    },
    Counted {
        name: "strongroom_relay_redactions_total",
        help: "Secrets that were hidden in answers of upstreams.",
        count: |counters| &counters.relay.redactions,
    },
    Counted {
        name: "strongroom_audit_events_total",
        help: "Events that this server has added to the audit trail.",
        count: |counters| &counters.audit.events,
    },
    Counted {
        name: "strongroom_audit_lanes_total",
        help: "Lanes of the audit trail that this server has begun.",
        count: |counters| &counters.audit.lanes,
    },
    Counted {
        name: "strongroom_audit_unrecorded_total",
        help: "Refused requests that could not be recorded in the audit trail.",
        count: |counters| &counters.audit.unrecorded,
    },
    Counted {
        name: "strongroom_audit_verified_events_total",
        help: "Audit events that this server has verified in the background.",
        count: |counters| &counters.audit.verified,
    },
    Counted {
        name: "strongroom_audit_findings_total",
        help: "Findings of the verification of audit trails in the background; a finding that \
               persists is counted by each run.",
        count: |counters| &counters.audit.findings,
    },
];

/// Values that a newer value replaces.
const GAUGES: &[Counted] = &[
    Counted {
        name: "strongroom_audit_last_run_findings",
        help: "Findings of the last verification of all audit trails in the background, by any \
               server.",
        count: |counters| &counters.audit.last_findings,
    },
    Counted {
        name: "strongroom_audit_root_timestamp_seconds",
        help: "Time of the newest signed root of all audit trails, by any server; 0 before the \
               first.",
        count: |counters| &counters.audit.last_root,
    },
    Counted {
        name: "strongroom_scrub_last_run_timestamp_seconds",
        help: "End of the integrity scrub's last run, by any server; 0 before the first.",
        count: |counters| &counters.scrub_last_run,
    },
    Counted {
        name: "strongroom_scrub_last_run_findings",
        help: "Findings of the integrity scrub's last run, by any server.",
        count: |counters| &counters.scrub_last_findings,
    },
    Counted {
        name: "strongroom_relays_in_flight",
        help: "Uses of credentials without a reveal whose answer has not ended.",
        count: |counters| counters.relay.in_flight(),
    },
    Counted {
        name: "strongroom_relay_upstreams_away",
        help: "Hosts that did not answer the last three requests with credentials, or more.",
        count: |counters| &counters.relay.upstreams.away,
    },
    Counted {
        name: "strongroom_credentials_deleted",
        help: "Deleted credentials that can be restored, as counted last.",
        count: |counters| &counters.lifecycle.deleted,
    },
    Counted {
        name: "strongroom_credentials_purge_due",
        help: "Deleted credentials whose recovery window has ended, as counted last.",
        count: |counters| &counters.lifecycle.purge_due,
    },
    Counted {
        name: "strongroom_audit_last_event_timestamp_seconds",
        help: "Time of the newest audit event that this server has added; 0 before the first.",
        count: |counters| &counters.audit.last_event,
    },
];

/// Counts that share a name and differ in one label.
struct Labeled {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    counts: fn(&Counters) -> Vec<(&'static str, &Count)>,
}

const LABELED: &[Labeled] = &[
    Labeled {
        name: "strongroom_seals_total",
        help: "Secrets sealed, by result.",
        label: "result",
        counts: |counters| results(&counters.seals),
    },
    Labeled {
        name: "strongroom_opens_total",
        help: "Attempts to open a sealed secret for a request, by result.",
        label: "result",
        counts: |counters| results(&counters.opens),
    },
    Labeled {
        name: "strongroom_relays_total",
        help: "Uses of credentials without a reveal, by outcome: `ok`, a code of errors, or \
               `abandoned` by the caller.",
        label: "outcome",
        counts: |counters| counters.relay.outcomes().collect(),
    },
    Labeled {
        name: "strongroom_relay_exchanges_total",
        help: "Exchanges of credentials for tokens, by result.",
        label: "result",
        counts: |counters| results(&counters.relay.exchanges),
    },
    Labeled {
        name: "strongroom_spans_total",
        help: "Spans that the trace collector accepted or not, by result.",
        label: "result",
        counts: |counters| results(&counters.spans),
    },
    Labeled {
        name: "strongroom_authentications_total",
        help: "Authentications by result; `failed` if the result could not be determined.",
        label: "result",
        counts: |counters| {
            let counts = &counters.authentications;
            vec![
                ("accepted", &counts.accepted),
                ("refused", &counts.refused),
                ("failed", &counts.failed),
            ]
        },
    },
];

fn results(
    outcomes: &strongroom_domain::health::outcome_counts::OutcomeCounts,
) -> Vec<(&'static str, &Count)> {
    vec![("ok", &outcomes.succeeded), ("failed", &outcomes.failed)]
}

/// The counts of the vault.
pub(super) fn families(counters: &Counters) -> Vec<MetricFamily> {
    let value = |one: &Counted| (one.count)(counters).get() as f64;
    let counted = COUNTERS.iter();
    let counted = counted.map(|one| Family::counter(one.name, one.help).of(value(one)));
    let gauges = GAUGES.iter();
    let gauges = gauges.map(|one| Family::gauge(one.name, one.help).of(value(one)));
    let labeled = LABELED.iter().map(|one| {
        let mut family = Family::counter(one.name, one.help);
        for (name, count) in (one.counts)(counters) {
            family.add(&[(one.label, name)], count.get() as f64);
        }
        family.finish()
    });
    counted
        .chain(gauges)
        .chain(labeled)
        .chain(rotations(counters))
        .chain([expiring(counters), relay_times(counters)])
        .collect()
}

fn relay_times(counters: &Counters) -> MetricFamily {
    let mut family = Family::histogram(
        "strongroom_relay_upstream_seconds",
        "Time from a use of a credential without a reveal to the head of the upstream's answer.",
    );
    family.add_distribution(&[], &counters.relay.times.distribution(), 1e6);
    family.finish()
}

fn expiring(counters: &Counters) -> MetricFamily {
    let mut family = Family::gauge(
        "strongroom_credentials_expiring",
        "Credentials that expire within a time, and those that have expired, as counted last.",
    );
    let counts = EXPIRY_WINDOWS.iter().zip(&counters.lifecycle.expiring);
    for (days, count) in counts {
        family.add(&[("within", &format!("{days}d"))], count.get() as f64);
    }
    family.finish()
}

fn rotations(counters: &Counters) -> [MetricFamily; 3] {
    let gauge = |name, help, count: fn(&RotationCounts) -> &Count| {
        let mut family = Family::gauge(name, help);
        let kinds = [
            ("organization", &counters.rotations),
            ("root", &counters.root_rotations),
        ];
        for (kind, counts) in kinds {
            family.add(&[("key", kind)], count(counts).get() as f64);
        }
        family.finish()
    };
    [
        gauge(
            "strongroom_rotations_running",
            "Running rotations on all servers, by the kind of key.",
            |counts| &counts.running,
        ),
        gauge(
            "strongroom_rotation_rows_done",
            "Rows that the running rotations have completed.",
            |counts| &counts.rows_done,
        ),
        gauge(
            "strongroom_rotation_rows_left",
            "Rows that the running rotations have left.",
            |counts| &counts.rows_left,
        ),
    ]
}
