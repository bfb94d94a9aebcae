//! Statements that read and prune audit events.

macro_rules! events {
    ($rest:literal) => {
        concat!(
            "select ",
            event!(),
            " from audit_events where org_id = $1 ",
            $rest
        )
    };
}

/// The head of one lane of an organization, from its checkpoint if all events were pruned.
pub const LANE_HEAD: &str = "select lane, seq, mac from ( \
       (select lane, seq, mac from audit_events where org_id = $1 and lane = $2 order by seq \
       desc limit 1) \
       union all \
       select lane, seq, mac from audit_checkpoints where org_id = $1 and lane = $2) as head \
     order by seq desc limit 1";

/// Events after a place, by lane, number and time.
pub const AUDIT_CHAIN: &str = events!(
    "and (lane, seq, at) > ($2::uuid, $3::bigint, $4::timestamptz) order by lane, seq, at limit $5"
);
macro_rules! state {
    ($actions:literal) => {
        concat!(
            "select event.*, coalesce( \
               (select p.mac from audit_events p where p.org_id = $1 and p.lane = event.lane \
                 and p.seq = event.seq - 1 limit 1), \
               (select c.mac from audit_checkpoints c where c.org_id = $1 \
                 and c.lane = event.lane and c.seq = event.seq - 1)) as previous from (",
            events!(""),
            "and action in (",
            $actions,
            ") order by at desc limit $2) as event"
        )
    };
}
/// The newest events about generations of an organization's key, and about its deletion, each with
/// the digest before it.
pub const STATE_OF_GENERATIONS: &str = state!(
    "'organization.create', 'organization.rotate', 'organization.retire', 'organization.attest', \
     'organization.delete', 'organization.restore'"
);
/// The newest deletions and restorations of an organization, each with the digest before it.
pub const STATE_OF_DELETIONS: &str =
    state!("'organization.delete', 'organization.restore', 'organization.attest'");
/// The newest changes of an organization's settings, each with the digest before it.
pub const STATE_OF_SETTINGS: &str = state!("'organization.configure', 'organization.attest'");
/// The newest events about root keys, each with the digest before it.
pub const STATE_OF_ROOT_KEYS: &str =
    state!("'installation.create', 'installation.attest', 'root_key.activate', 'root_key.retire'");
/// The newest deletions of a credential, each with the digest before it.
pub const DELETIONS: &str = concat!(
    "select event.*, coalesce( \
       (select p.mac from audit_events p where p.org_id = $1 and p.lane = event.lane \
         and p.seq = event.seq - 1 limit 1), \
       (select c.mac from audit_checkpoints c where c.org_id = $1 \
         and c.lane = event.lane and c.seq = event.seq - 1)) as previous from (",
    events!(""),
    "and cred_id = $2 and action = 'credential.delete' and version is not null \
     and outcome = 'ok' order by version desc, at desc limit 1) as event"
);
/// The beginnings of sessions of the console, each with the digest before it.
pub const CONSOLE_SIGN_INS: &str = concat!(
    "select event.*, coalesce( \
       (select p.mac from audit_events p where p.org_id = $1 and p.lane = event.lane \
         and p.seq = event.seq - 1 limit 1), \
       (select c.mac from audit_checkpoints c where c.org_id = $1 \
         and c.lane = event.lane and c.seq = event.seq - 1)) as previous from (",
    events!("and key_id = any($2) and action = 'console.sign_in'"),
    ") as event"
);
/// The writes of a credential.
pub const VALUE_WRITES: &str = "select version, details from audit_events where org_id = $1 \
     and cred_id = $2 and version is not null and outcome = 'ok' \
     and action in ('credential.create', 'credential.update', 'credential.reseal', \
     'credential.attest') order by version desc limit 100000";
/// Who revealed the current value of a credential, when last, and which version of the row then. A
/// reveal of another value says at which stage that was.
pub const LAST_READS: &str = "select actor, max(at) as at, max(version) as version \
     from audit_events where org_id = $1 and cred_id = $2 and action = 'credential.reveal' \
     and action not in ('credential.create', 'credential.update', 'credential.reseal', \
     'credential.attest', 'credential.delete') \
     and outcome = 'ok' and version is not null \
     and (details is null or details not like '%\"stage\"%') group by actor";
/// The heads of the lanes after a lane. It walks the primary key from lane to lane.
pub const AUDIT_HEADS: &str = "with recursive walk (lane, nth) as ( \
       (select lane, 1::bigint from audit_events where org_id = $1 and lane > $2 order by lane \
       limit 1) \
       union all \
       select (select e.lane from audit_events e where e.org_id = $1 and e.lane > walk.lane \
               order by e.lane limit 1), nth + 1 \
       from walk where walk.lane is not null and nth < $3) \
     select head.lane, head.seq, head.mac from walk, lateral ( \
       select e.lane, e.seq, e.mac from audit_events e where e.org_id = $1 and e.lane = walk.lane \
       order by e.seq desc limit 1) as head \
     order by head.lane";
/// The evidence for several heads, in their order.
pub const HEAD_EVIDENCE: &str = "select \
       exists (select from audit_events e where e.org_id = $1 and e.lane = head.lane and e.seq = \
       head.seq \
               and e.mac = head.mac) as present, \
       exists (select from audit_events e where e.org_id = $1 and e.lane = head.lane and e.seq = \
       head.seq) \
         as numbered, \
       (select max(e.seq) from audit_events e where e.org_id = $1 and e.lane = head.lane) as last, \
       c.lane, c.seq, c.mac, c.pruned_before, c.signature \
     from unnest($2::uuid[], $3::bigint[], $4::bytea[]) with ordinality as head (lane, seq, mac, \
     nth) \
     left join audit_checkpoints c on c.org_id = $1 and c.lane = head.lane order by head.nth";

/// The checkpoint of one lane.
pub const CHECKPOINT: &str = "select lane, seq, mac, pruned_before, signature from \
     audit_checkpoints \
     where org_id = $1 and lane = $2";
/// The checkpoints of the lanes after a lane.
pub const CHECKPOINTS: &str = "select lane, seq, mac, pruned_before, signature from \
     audit_checkpoints \
     where org_id = $1 and lane > $2 order by lane limit $3";
/// Inserts or replaces a lane's checkpoint.
pub const CHECKPOINT_PUT: &str = "insert into audit_checkpoints \
     (org_id, lane, seq, mac, pruned_before, signature) values ($1, $2, $3, $4, $5, $6) \
     on conflict (org_id, lane) do update set seq = excluded.seq, mac = excluded.mac, \
     pruned_before = excluded.pruned_before, signature = excluded.signature";

/// Credentials without a write event of their current version at or after a time, with the version
/// and digest of their newest write event.
pub const UNATTESTED: &str = concat!(
    "select ",
    sealed!("c."),
    ", newest.version as recorded_version, newest.digest as recorded_digest \
     from credentials c left join lateral ( \
       select e.version, e.digest from audit_events e \
       where e.org_id = $1 and e.cred_id = c.cred_id and e.version is not null and \
       e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', \
       'credential.attest') \
       order by e.version desc, e.at desc limit 1) as newest on true \
     where c.org_id = $1 and c.cred_id > $3 and not exists ( \
       select from audit_events e where e.org_id = $1 and e.cred_id = c.cred_id and e.at \
       >= $2 \
       and e.version >= c.version and e.outcome = 'ok' \
       and e.action in ('credential.create', 'credential.update', 'credential.reseal', \
       'credential.attest')) \
     order by c.cred_id limit $4"
);

/// Whether the session's role can drop audit partitions.
pub const PRUNE_OWNER: &str = "select pg_has_role(current_user, relowner, 'usage') as owner from \
     pg_class \
     where oid = 'audit_events'::regclass";
/// The partitions that end at or before a time, oldest first, with their ends.
pub const PRUNE_PARTITIONS: &str = "select name, ends from ( \
       select c.oid::regclass::text as name, \
         (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \
         \\(''([^'']+)''\\)'))[1]::timestamptz as ends \
       from pg_inherits i join pg_class c on c.oid = i.inhrelid \
       where i.inhparent = 'audit_events'::regclass) as partition \
     where ends <= $1 order by ends";
/// The number of an organization's events before a time.
pub const PRUNE_CENSUS: &str =
    "select count(*) as old from audit_events where org_id = $1 and at < $2";
/// The number of those events in the default partition.
pub const PRUNE_OUTSIDE: &str =
    "select count(*) as outside from audit_events_default where org_id = $1 and at < $2";
/// The last event of each lane that can be pruned: all events up to it are before the time.
pub const PRUNE_LAST: &str = "select e.lane, e.seq, e.mac from ( \
       select o.lane, coalesce((select min(k.seq) from audit_events k \
         where k.org_id = $1 and k.lane = o.lane and k.at >= $2) - 1, max(o.seq)) as last \
       from audit_events o where o.org_id = $1 and o.at < $2 group by o.lane) as cut \
     join audit_events e on e.org_id = $1 and e.lane = cut.lane and e.seq = cut.last and e.at < $2 \
     order by e.lane";
/// The number of an organization's events before a time that stay, since newer events precede them.
pub const PRUNE_KEPT: &str = "select count(*) as kept from audit_events e \
     where e.org_id = $1 and e.at < $2 and not exists ( \
       select from audit_checkpoints c where c.org_id = $1 and c.lane = e.lane and e.seq <= c.seq)";
/// Deletes prunable events from the default partition, where earlier prunes kept them.
pub const PRUNE_DEFAULT: &str = "delete from audit_events_default e using audit_checkpoints c \
     where c.org_id = $1 and e.org_id = $1 and e.lane = c.lane and e.seq <= c.seq and e.at < $2";
/// Makes marks of events whose mark is pruned, so that they are found without it.
pub const PRUNE_MARKS: &str = "update audit_events e set after_mark = null \
     from audit_checkpoints c where c.org_id = $1 and e.org_id = $1 and e.lane = c.lane \
     and e.seq > c.seq and e.seq < c.seq + 16 and e.seq - e.after_mark <= c.seq";
/// Blocks all other access while partitions are detached.
pub const PRUNE_LOCK: &str = "lock table audit_events in access exclusive mode";

/// Detaches a partition, and lets its owner see all rows. The statements run one by one.
#[must_use]
pub fn detach_partition(name: &str) -> [String; 2] {
    [
        format!("alter table audit_events detach partition {name}"),
        format!("alter table {name} no force row level security"),
    ]
}

/// The number of rows of a detached partition, of all organizations.
#[must_use]
pub fn count_partition(name: &str) -> String {
    format!("select count(*) as rows from {name}")
}

/// Copies an organization's events that stay from a detached partition to the audit table.
#[must_use]
pub fn keep_of_partition(name: &str) -> String {
    format!(
        "insert into audit_events select p.* from {name} p where p.org_id = $1 and not exists ( \
           select from audit_checkpoints c where c.org_id = $1 and c.lane = p.lane and p.seq <= \
           c.seq)"
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
    ("STATE_OF_GENERATIONS", STATE_OF_GENERATIONS),
    ("STATE_OF_DELETIONS", STATE_OF_DELETIONS),
    ("DELETIONS", DELETIONS),
    ("VALUE_WRITES", VALUE_WRITES),
    ("LAST_READS", LAST_READS),
    ("STATE_OF_SETTINGS", STATE_OF_SETTINGS),
    ("STATE_OF_ROOT_KEYS", STATE_OF_ROOT_KEYS),
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
    ("PRUNE_MARKS", PRUNE_MARKS),
    ("PRUNE_LOCK", PRUNE_LOCK),
];
