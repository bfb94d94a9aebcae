//! Parts of statements.

/// Columns in a select list. `$c` is the table's alias with a dot, or empty.
macro_rules! columns {
    ($c:literal, $first:literal $($rest:literal)*) => {
        concat!($c, $first, $(", ", $c, $rest,)*)
    };
}

/// The columns of a sealed credential.
macro_rules! sealed {
    ($c:literal) => {
        columns!($c, "org_id" "cred_id" "provider" "cred_type" "label" "version" "value_version"
            "expires_at" "expires_source" "key_generation" "wrapped_key" "sealed_blob" "updated_at"
            "pieces_user" "history" "deleted_at" "recover_until")
    };
}

/// The columns of an event.
macro_rules! event {
    () => {
        "lane, seq, at, action, outcome, actor, cred_id, key_id, version, request_id, source, \
         digest, heads, proof_key, details, mac, after_mark"
    };
}

/// The events of an organization from a time to another, with both. Each is found from its mark:
/// the limits are those of `strongroom_domain::audit::mark`.
// The limits are columns of `mark`, and offsets keep PostgreSQL from computing them elsewhere:
// under row-level security, an index is searched for columns, not for the results of functions.
macro_rules! events_in_time {
    ($from:literal, $to:literal) => {
        concat!(
            "(select event.* from (select m.lane, m.seq, m.seq + 15 as last, \
               m.at - interval '100 ms' as since, m.at + interval '100 ms' as until \
               from audit_events m where m.org_id = $1 and m.after_mark is null and m.at >= ",
            $from,
            " - interval '100 ms' and m.at <= ",
            $to,
            " + interval '100 ms' offset 0) as mark \
             cross join lateral (select e.* from audit_events e \
               where e.org_id = $1 and e.lane = mark.lane \
               and e.seq >= mark.seq and e.seq <= mark.last \
               and e.at >= mark.since and e.at <= mark.until \
               and e.seq - mark.seq = coalesce(e.after_mark, 0) offset 0) as event \
             where event.at >= ",
            $from,
            " and event.at <= ",
            $to,
            ") as event"
        )
    };
}

/// The stamp of a row: another text after any change of it, whichever role makes it. After a
/// failover to a standby that lacks the last transactions, PostgreSQL gives other rows the same
/// `xmin` and `ctid`; the bytes of `$random` tell these apart.
macro_rules! stamp {
    ($c:literal, $random:literal) => {
        concat!(
            $c,
            "xmin::text || ",
            $c,
            "ctid::text || ",
            "substring(",
            $c,
            $random,
            " from 2 for 16)::text"
        )
    };
}
/// The stamp of a credential, from the nonce of its wrapped key.
macro_rules! credential_stamp {
    ($c:literal) => {
        stamp!($c, "wrapped_key")
    };
}
/// The stamp of a relay policy, from its keyed digest.
macro_rules! policy_stamp {
    ($c:literal) => {
        stamp!($c, "digest")
    };
}

/// A condition on `c`, with the filter as parameters 2 to 9.
// PostgreSQL takes a `case` to hold for half of the rows. As plain conditions, it would expect
// hardly any row, and sort all of an organization for each page instead of reading them in order.
macro_rules! matching {
    () => {
        " and case when ($2::text is null or c.provider = $2) \
         and ($3::text is null or c.cred_type = $3) and ($4::text is null or c.label = $4) \
         and ($5::text[] is null or c.provider = any($5)) \
         and ($6::text[] is null or c.cred_type = any($6)) \
         and ($7::text is null or starts_with(c.label, $7)) \
         and ($8::uuid[] is null or c.cred_id = any($8)) \
         and ($9::timestamptz is null or c.expires_at < $9) then true else false end"
    };
}

/// The columns of a credential in a list.
macro_rules! listed {
    () => {
        "c.cred_id, c.provider, c.cred_type, c.label, c.version, c.value_version, c.expires_at, \
         c.expires_source, c.updated_at, c.etag"
    };
}
