use prometheus::proto::MetricFamily;
use strongroom_domain::health::count::Count;
use strongroom_domain::health::counters::{Counters, RotationCounts};

use super::family::Family;

/// One count as a metric without labels.
struct Counted {
    name: &'static str,
    help: &'static str,
    count: fn(&Counters) -> &Count,
}

/// What only grows while the process lives; to show another such count, add it here.
const COUNTERS: &[Counted] = &[
    Counted {
        name: "strongroom_seal_failures_total",
        help: "Stored values that did not open, or were malformed, when a request needed them.",
        count: |counters| &counters.seal_failures,
    },
    Counted {
        name: "strongroom_integrity_failures_total",
        help: "Findings of the integrity scrub; one that is still there is counted by each run.",
        count: |counters| &counters.integrity_failures,
    },
    Counted {
        name: "strongroom_scrub_rows_total",
        help: "Rows that the integrity scrub has checked.",
        count: |counters| &counters.scrub_rows,
    },
    Counted {
        name: "strongroom_scrub_runs_total",
        help: "Runs of the integrity scrub on this server that came to their end.",
        count: |counters| &counters.scrub_runs,
    },
    Counted {
        name: "strongroom_replication_timeouts_total",
        help: "Writes that some regions did not have in time (408).",
        count: |counters| &counters.replication_timeouts,
    },
    Counted {
        name: "strongroom_last_used_dropped_total",
        help: "Uses of credentials and keys that were not kept because too many waited.",
        count: |counters| &counters.last_used_dropped,
    },
    Counted {
        name: "strongroom_audit_events_total",
        help: "Events that this server has added to the audit trail.",
        count: |counters| &counters.audit.events,
    },
    Counted {
        name: "strongroom_audit_lanes_total",
        help: "Lanes that this server has begun in the audit trail.",
        count: |counters| &counters.audit.lanes,
    },
    Counted {
        name: "strongroom_audit_unrecorded_total",
        help: "Refused requests that could not be recorded in the audit trail.",
        count: |counters| &counters.audit.unrecorded,
    },
];

/// What is replaced by a newer value.
const GAUGES: &[Counted] = &[
    Counted {
        name: "strongroom_scrub_last_run_timestamp_seconds",
        help: "When the integrity scrub's last run on this server ended; 0 when it has run none.",
        count: |counters| &counters.scrub_last_run,
    },
    Counted {
        name: "strongroom_scrub_last_run_findings",
        help: "What that run found.",
        count: |counters| &counters.scrub_last_findings,
    },
    Counted {
        name: "strongroom_audit_last_event_timestamp_seconds",
        help: "When the newest event that this server has added to the audit trail was recorded; 0 before the first.",
        count: |counters| &counters.audit.last_event,
    },
];

/// Counts that share a name, told apart by one label.
struct Labeled {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    counts: fn(&Counters) -> Vec<(&'static str, &Count)>,
}

const LABELED: &[Labeled] = &[
    Labeled {
        name: "strongroom_seals_total",
        help: "Secrets that were sealed, by result.",
        label: "result",
        counts: |counters| results(&counters.seals),
    },
    Labeled {
        name: "strongroom_opens_total",
        help: "Sealed secrets that were opened for a request, by result.",
        label: "result",
        counts: |counters| results(&counters.opens),
    },
    Labeled {
        name: "strongroom_spans_total",
        help: "Spans that were sent to the trace collector, by result.",
        label: "result",
        counts: |counters| results(&counters.spans),
    },
    Labeled {
        name: "strongroom_authentications_total",
        help: "Authentications by result: accepted, refused, or failed since that could not be told.",
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
    tries: &strongroom_domain::health::counters::OutcomeCounts,
) -> Vec<(&'static str, &Count)> {
    vec![("ok", &tries.succeeded), ("failed", &tries.failed)]
}

/// What the vault counts.
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
        .collect()
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
            "Rotations that are under way, on whichever server, by the key that is rotated.",
            |counts| &counts.running,
        ),
        gauge(
            "strongroom_rotation_rows_done",
            "Rows that the running rotations have brought under the new key.",
            |counts| &counts.rows_done,
        ),
        gauge(
            "strongroom_rotation_rows_left",
            "Rows that the running rotations have left.",
            |counts| &counts.rows_left,
        ),
    ]
}
