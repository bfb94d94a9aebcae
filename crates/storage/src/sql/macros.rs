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
