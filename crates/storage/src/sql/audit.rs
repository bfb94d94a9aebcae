//! Statements that read and prune the audit trail.

macro_rules! events {
    ($rest:literal) => {
        concat!(
            "select lane, seq, at, action, outcome, actor, cred_id, key_id, version, request_id, source, \
             digest, heads, mac from audit_events where org_id = $1 ",
            $rest
        )
    };
}

/// The head of one lane of an organization; its checkpoint's, when all its events were pruned.
pub const LANE_HEAD: &str = "select lane, seq, mac from ( \
       (select lane, seq, mac from audit_events where org_id = $1 and lane = $2 order by seq desc limit 1) \
       union all \
       select lane, seq, mac from audit_checkpoints where org_id = $1 and lane = $2) as head \
     order by seq desc limit 1";

/// Events in the order of their chains, after a place.
pub const AUDIT_CHAIN: &str = events!(
    "and (lane, seq, at) > ($2::uuid, $3::bigint, $4::timestamptz) order by lane, seq, at limit $5"
);
macro_rules! newest {
    ($credential:literal) => {
        concat!(
            events!(""),
            "and at >= $2 and at < $3 \
             and at <= $4 and (at, lane, seq) < ($4::timestamptz, $5::uuid, $6::bigint) \
             and ($7::text is null or actor = $7) and ",
            $credential,
            " and ($9::text is null or action = $9) \
             order by at desc, lane desc, seq desc limit $10"
        )
    };
}
/// Events newest first, before a place.
pub const AUDIT_NEWEST: &str = newest!("$8::uuid is null");
/// The same about one credential. Its writes and its other events are in an index each.
pub const AUDIT_NEWEST_OF_CREDENTIAL: &str = concat!(
    "select * from ((",
    newest!(
        "cred_id = $8 and action in ('credential.create', 'credential.update', 'credential.reseal', \
         'credential.attest', 'credential.delete')"
    ),
    ") union all (",
    newest!(
        "cred_id = $8 and action not in ('credential.create', 'credential.update', 'credential.reseal', \
         'credential.attest', 'credential.delete')"
    ),
    ")) as event order by at desc, lane desc, seq desc limit $10"
);
/// Events oldest first, after a place.
pub const AUDIT_OLDEST: &str = events!(
    "and at >= $2 and at < $3 \
     and at >= $4 and (at, lane, seq) > ($4::timestamptz, $5::uuid, $6::bigint) \
     order by at, lane, seq limit $7"
);
/// The heads of lanes after a lane: walks the key from lane to lane.
pub const AUDIT_HEADS: &str = "with recursive walk (lane, nth) as ( \
       (select lane, 1::bigint from audit_events where org_id = $1 and lane > $2 order by lane limit 1) \
       union all \
       select (select e.lane from audit_events e where e.org_id = $1 and e.lane > walk.lane \
               order by e.lane limit 1), nth + 1 \
       from walk where walk.lane is not null and nth < $3) \
     select head.lane, head.seq, head.mac from walk, lateral ( \
       select e.lane, e.seq, e.mac from audit_events e where e.org_id = $1 and e.lane = walk.lane \
       order by e.seq desc limit 1) as head \
     order by head.lane";
/// What there is of several named heads, in their order.
pub const HEAD_EVIDENCE: &str = "select \
       exists (select from audit_events e where e.org_id = $1 and e.lane = head.lane and e.seq = head.seq \
               and e.mac = head.mac) as present, \
       exists (select from audit_events e where e.org_id = $1 and e.lane = head.lane and e.seq = head.seq) \
         as numbered, \
       (select max(e.seq) from audit_events e where e.org_id = $1 and e.lane = head.lane) as last, \
       c.lane, c.seq, c.mac, c.pruned_before, c.signature \
     from unnest($2::uuid[], $3::bigint[], $4::bytea[]) with ordinality as head (lane, seq, mac, nth) \
     left join audit_checkpoints c on c.org_id = $1 and c.lane = head.lane order by head.nth";

/// One lane's checkpoint.
pub const CHECKPOINT: &str = "select lane, seq, mac, pruned_before, signature from audit_checkpoints \
     where org_id = $1 and lane = $2";
/// Checkpoints of lanes after a lane.
pub const CHECKPOINTS: &str = "select lane, seq, mac, pruned_before, signature from audit_checkpoints \
     where org_id = $1 and lane > $2 order by lane limit $3";
/// A lane's newest checkpoint.
pub const CHECKPOINT_PUT: &str = "insert into audit_checkpoints \
     (org_id, lane, seq, mac, pruned_before, signature) values ($1, $2, $3, $4, $5, $6) \
     on conflict (org_id, lane) do update set seq = excluded.seq, mac = excluded.mac, \
     pruned_before = excluded.pruned_before, signature = excluded.signature";

/// Credentials without a write event of their present version at or after a time; with the version and digest
/// of the newest write event there is.
pub const UNATTESTED: &str = "select c.org_id, c.cred_id, c.provider, c.cred_type, c.label, c.version, \
       c.key_generation, c.wrapped_key, c.sealed_blob, c.updated_at, c.pieces_user, \
       newest.version as recorded_version, newest.digest as recorded_digest \
     from credentials c left join lateral ( \
       select e.version, e.digest from audit_events e \
       where e.org_id = c.org_id and e.cred_id = c.cred_id and e.version is not null and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', 'credential.attest') \
       order by e.version desc, e.at desc limit 1) as newest on true \
     where c.org_id = $1 and c.cred_id > $3 and not exists ( \
       select from audit_events e where e.org_id = c.org_id and e.cred_id = c.cred_id and e.at >= $2 \
       and e.version >= c.version and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', 'credential.attest')) \
     order by c.cred_id limit $4";

/// Whether we may drop audit partitions.
pub const PRUNE_OWNER: &str = "select pg_has_role(current_user, relowner, 'usage') as owner from pg_class \
     where oid = 'audit_events'::regclass";
/// The partitions that end at or before a time, oldest first, and when they end.
pub const PRUNE_PARTITIONS: &str = "select name, ends from ( \
       select c.oid::regclass::text as name, \
         (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)''\\)'))[1]::timestamptz as ends \
       from pg_inherits i join pg_class c on c.oid = i.inhrelid \
       where i.inhparent = 'audit_events'::regclass) as partition \
     where ends <= $1 order by ends";
/// How many of an organization's events are older than a time.
pub const PRUNE_CENSUS: &str =
    "select count(*) as old from audit_events where org_id = $1 and at < $2";
/// How many of these have no partition of their own.
pub const PRUNE_OUTSIDE: &str =
    "select count(*) as outside from audit_events_default where org_id = $1 and at < $2";
/// The last event of each lane that can go: all before it are older than the time as well.
pub const PRUNE_LAST: &str = "select e.lane, e.seq, e.mac from ( \
       select o.lane, coalesce((select min(k.seq) from audit_events k \
         where k.org_id = $1 and k.lane = o.lane and k.at >= $2) - 1, max(o.seq)) as last \
       from audit_events o where o.org_id = $1 and o.at < $2 group by o.lane) as cut \
     join audit_events e on e.org_id = $1 and e.lane = cut.lane and e.seq = cut.last and e.at < $2 \
     order by e.lane";
/// How many of an organization's events older than a time stand after newer ones, and stay.
pub const PRUNE_KEPT: &str = "select count(*) as kept from audit_events e \
     where e.org_id = $1 and e.at < $2 and not exists ( \
       select from audit_checkpoints c where c.org_id = $1 and c.lane = e.lane and e.seq <= c.seq)";
/// Deletes what can go of what earlier prunes had to keep.
pub const PRUNE_DEFAULT: &str = "delete from audit_events_default e using audit_checkpoints c \
     where c.org_id = $1 and e.org_id = $1 and e.lane = c.lane and e.seq <= c.seq and e.at < $2";
/// Keeps writers out while partitions go.
pub const PRUNE_LOCK: &str = "lock table audit_events in access exclusive mode";

/// Takes a partition out, and lets its owner see all of its rows: statements to run one by one.
#[must_use]
pub fn detach_partition(name: &str) -> [String; 2] {
    [
        format!("alter table audit_events detach partition {name}"),
        format!("alter table {name} no force row level security"),
    ]
}

/// How many rows a detached partition has, of all organizations.
#[must_use]
pub fn count_partition(name: &str) -> String {
    format!("select count(*) as rows from {name}")
}

/// Puts an organization's events of a detached partition back that have to stay.
#[must_use]
pub fn keep_of_partition(name: &str) -> String {
    format!(
        "insert into audit_events select p.* from {name} p where p.org_id = $1 and not exists ( \
           select from audit_checkpoints c where c.org_id = $1 and c.lane = p.lane and p.seq <= c.seq)"
    )
}

/// Drops a detached partition.
#[must_use]
pub fn drop_partition(name: &str) -> String {
    format!("drop table {name}")
}

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("LANE_HEAD", LANE_HEAD),
    ("AUDIT_CHAIN", AUDIT_CHAIN),
    ("AUDIT_NEWEST", AUDIT_NEWEST),
    ("AUDIT_NEWEST_OF_CREDENTIAL", AUDIT_NEWEST_OF_CREDENTIAL),
    ("AUDIT_OLDEST", AUDIT_OLDEST),
    ("AUDIT_HEADS", AUDIT_HEADS),
    ("HEAD_EVIDENCE", HEAD_EVIDENCE),
    ("CHECKPOINT", CHECKPOINT),
    ("CHECKPOINTS", CHECKPOINTS),
    ("CHECKPOINT_PUT", CHECKPOINT_PUT),
    ("UNATTESTED", UNATTESTED),
    ("PRUNE_OWNER", PRUNE_OWNER),
    ("PRUNE_PARTITIONS", PRUNE_PARTITIONS),
    ("PRUNE_CENSUS", PRUNE_CENSUS),
    ("PRUNE_OUTSIDE", PRUNE_OUTSIDE),
    ("PRUNE_LAST", PRUNE_LAST),
    ("PRUNE_KEPT", PRUNE_KEPT),
    ("PRUNE_DEFAULT", PRUNE_DEFAULT),
    ("PRUNE_LOCK", PRUNE_LOCK),
];
