//! Statements that search an organization's credentials, and list them in any order.
//!
//! They read all rows of the organization that match, and sort them. No index supports them: each
//! further one would make every write slower.

macro_rules! found {
    () => {
        concat!(
            " where c.org_id = $1 and (c.deleted_at is not null) = $11 and ($10::text is null \
             or c.label ~ $10)",
            matching!()
        )
    };
}
// In the collation "C", the order is the same on all databases.
macro_rules! label {
    () => {
        "lower(c.label collate \"C\")"
    };
}
macro_rules! used {
    () => {
        "coalesce(u.last_used_at, '-infinity')"
    };
}
macro_rules! expiry {
    () => {
        "coalesce(c.expires_at, 'infinity')"
    };
}
// The last-used times are looked up for the rows of the page alone.
macro_rules! by_row {
    ($key:expr, $after:expr, $rows:literal, $page:literal) => {
        concat!(
            "select page.*, u.last_used_at, u.last_used_by from (select ",
            listed!(),
            ", c.deleted_at, c.recover_until, ",
            $key,
            " as place from credentials c",
            found!(),
            $after,
            $rows,
            ") as page left join lateral ( \
             select last_used_at, last_used_by from credential_uses \
             where org_id = $1 and cred_id = page.cred_id limit 1) as u on true order by ",
            $page
        )
    };
}
macro_rules! by_use {
    ($after:expr, $rows:literal) => {
        concat!(
            "select ",
            listed!(),
            ", c.deleted_at, c.recover_until, ",
            used!(),
            " as place, u.last_used_at, u.last_used_by from credentials c \
             left join credential_uses u on u.org_id = c.org_id and u.cred_id = c.cred_id \
             and u.org_id = $1",
            found!(),
            $after,
            $rows
        )
    };
}
macro_rules! after {
    ($key:expr, $compare:literal, $place:literal) => {
        concat!(
            " and ($14::uuid is null or (",
            $key,
            ", c.cred_id) ",
            $compare,
            " (",
            $place,
            ", $14))"
        )
    };
}

/// The number of an organization's credentials that a search finds.
pub const FOUND_COUNT: &str = concat!("select count(*) as total from credentials c", found!());
/// A page in the order of creation, after an id.
pub const BY_CREATION: &str = by_row!(
    "null::text",
    " and ($14::uuid is null or c.cred_id > $14)",
    " order by c.cred_id limit $12 offset $13",
    "page.cred_id"
);
/// The same, in reverse.
pub const BY_CREATION_DESCENDING: &str = by_row!(
    "null::text",
    " and ($14::uuid is null or c.cred_id < $14)",
    " order by c.cred_id desc limit $12 offset $13",
    "page.cred_id desc"
);
/// A page in the order of labels, after a label and an id.
pub const BY_LABEL: &str = by_row!(
    label!(),
    after!(label!(), ">", "$15::text"),
    " order by place, c.cred_id limit $12 offset $13",
    "page.place, page.cred_id"
);
/// The same, in reverse.
pub const BY_LABEL_DESCENDING: &str = by_row!(
    label!(),
    after!(label!(), "<", "$15::text"),
    " order by place desc, c.cred_id desc limit $12 offset $13",
    "page.place desc, page.cred_id desc"
);
/// A page in the order of last uses, after a time and an id.
pub const BY_USE: &str = by_use!(
    after!(used!(), ">", "$15::timestamptz"),
    " order by place, c.cred_id limit $12 offset $13"
);
/// The same, in reverse.
pub const BY_USE_DESCENDING: &str = by_use!(
    after!(used!(), "<", "$15::timestamptz"),
    " order by place desc, c.cred_id desc limit $12 offset $13"
);
/// A page in the order of expiry, after a time and an id.
pub const BY_EXPIRY: &str = by_row!(
    expiry!(),
    after!(expiry!(), ">", "$15::timestamptz"),
    " order by place, c.cred_id limit $12 offset $13",
    "page.place, page.cred_id"
);
/// The same, in reverse.
pub const BY_EXPIRY_DESCENDING: &str = by_row!(
    expiry!(),
    after!(expiry!(), "<", "$15::timestamptz"),
    " order by place desc, c.cred_id desc limit $12 offset $13",
    "page.place desc, page.cred_id desc"
);

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("FOUND_COUNT", FOUND_COUNT),
    ("BY_CREATION", BY_CREATION),
    ("BY_CREATION_DESCENDING", BY_CREATION_DESCENDING),
    ("BY_LABEL", BY_LABEL),
    ("BY_LABEL_DESCENDING", BY_LABEL_DESCENDING),
    ("BY_USE", BY_USE),
    ("BY_USE_DESCENDING", BY_USE_DESCENDING),
    ("BY_EXPIRY", BY_EXPIRY),
    ("BY_EXPIRY_DESCENDING", BY_EXPIRY_DESCENDING),
];
