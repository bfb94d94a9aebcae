//! Statements for relay policies.

/// The columns of a policy `p`.
macro_rules! policy {
    () => {
        "p.version as policy_version, p.updated_at as policy_updated_at, \
         p.key_generation as policy_key_generation, p.wrapped_key as policy_wrapped_key, \
         case when octet_length(p.sealed_policy) > 1048576 then '' else p.sealed_policy end \
         as sealed_policy, p.digest as policy_digest"
    };
}
/// What the audit trail says of the policy `p` of a credential `c`. A sharded cluster queries all
/// shards, unless the sub-selects themselves name the organizations.
macro_rules! trail {
    ($of_orgs:literal) => {
        concat!(
            "(select max(e.version) from audit_events e where e.org_id = c.org_id and ",
            $of_orgs,
            " and e.cred_id = c.cred_id and e.action in ('relay_policy.put', \
             'relay_policy.delete', 'relay_policy.attest') and e.outcome = 'ok') \
             as recorded_version, \
             coalesce((select true from audit_events e where e.org_id = c.org_id and ",
            $of_orgs,
            " and e.cred_id = c.cred_id and e.action in ('relay_policy.put', \
             'relay_policy.delete', 'relay_policy.attest') and e.outcome = 'ok' \
             and e.version = p.version and e.digest = p.digest limit 1), false) as recorded"
        )
    };
}
macro_rules! wanted {
    ($policies:expr, $stamp:expr) => {
        concat!(
            "select ",
            sealed!("c."),
            ", null::timestamptz as last_used_at, null::text as last_used_by, ",
            policy!(),
            ", ",
            credential_stamp!("c."),
            " as stamp, ",
            $stamp,
            " as policy_stamp, ",
            trail!("(e.org_id = any($1) or e.org_id = ($1)[1])"),
            " from credentials c join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, cred_id) \
             on c.org_id = wanted.org_id and c.cred_id = wanted.cred_id \
             and c.deleted_at is null left join ",
            $policies,
            " where c.org_id = any($1) or c.org_id = ($1)[1]"
        )
    };
}

/// Several credentials by (organization, id), with their policies and what the audit trail says of
/// these. Each policy is a separate lookup, as last-used times are in `CREDENTIALS`.
pub const POLICIES_WANTED: &str = wanted!(
    concat!(
        "lateral (select *, ",
        policy_stamp!(""),
        " as stamp from relay_policies \
         where org_id = c.org_id and cred_id = c.cred_id limit 1) as p on true"
    ),
    "p.stamp"
);
/// The same for a sharded cluster, which colocates rows only in joins on `org_id`.
pub const POLICIES_WANTED_SHARDED: &str = wanted!(
    "relay_policies p on p.org_id = c.org_id and p.cred_id = c.cred_id",
    policy_stamp!("p.")
);
/// A credential with its policy, and what the audit trail says of that.
pub const POLICY_CURRENT: &str = concat!(
    "select ",
    sealed!("c."),
    ", null::timestamptz as last_used_at, null::text as last_used_by, ",
    policy!(),
    ", ",
    credential_stamp!("c."),
    " as stamp, ",
    policy_stamp!("p."),
    " as policy_stamp, ",
    trail!("e.org_id = $1"),
    " from credentials c left join relay_policies p on p.org_id = c.org_id \
     and p.cred_id = c.cred_id \
     where c.org_id = $1 and c.cred_id = $2 and c.deleted_at is null"
);
/// The policies of the credentials of one organization from one id to another, with what the audit
/// trail says of them. A credential that was deleted for good and created again has none.
pub const POLICIES_BETWEEN: &str = concat!(
    "select c.org_id, c.cred_id, ",
    policy!(),
    ", ",
    trail!("e.org_id = $1"),
    " from credentials c left join relay_policies p on p.org_id = c.org_id \
     and p.cred_id = c.cred_id \
     where c.org_id = $1 and c.cred_id >= $2 and c.cred_id <= $3 \
     and (p.cred_id is not null or (select max(n.at) from audit_events n where n.org_id = $1 \
       and n.cred_id = c.cred_id and n.outcome = 'ok' and n.action in ('relay_policy.put', \
       'relay_policy.delete', 'relay_policy.attest')) > coalesce((select max(d.at) \
       from audit_events d where d.org_id = $1 and d.cred_id = c.cred_id \
       and d.action = 'credential.delete' and d.outcome = 'ok' \
       and coalesce(d.details, '') not like '%\"recover_until\"%'), '-infinity'))"
);
/// Policies of an organization after an id that no event recorded from a time on.
pub const POLICIES_UNATTESTED: &str = concat!(
    "select c.org_id, c.cred_id, ",
    policy!(),
    ", ",
    trail!("e.org_id = $1"),
    " from relay_policies p join credentials c on c.org_id = p.org_id and c.cred_id = p.cred_id \
     where c.org_id = $1 and p.org_id = $1 and p.cred_id > $3 \
     and not exists (select from audit_events n where n.org_id = $1 and n.cred_id = c.cred_id \
       and n.version >= p.version and n.at >= $2 and n.outcome = 'ok' \
       and n.action in ('relay_policy.put', 'relay_policy.delete', 'relay_policy.attest')) \
     order by p.cred_id limit $4"
);
/// Stores a policy, unless there is a version as high.
pub const POLICY_PUT: &str = "insert into relay_policies (org_id, cred_id, version, updated_at, \
     key_generation, wrapped_key, sealed_policy, digest) values ($1, $2, $3, $4, $5, $6, $7, $8) \
     on conflict (org_id, cred_id) do update set version = excluded.version, \
     updated_at = excluded.updated_at, key_generation = excluded.key_generation, \
     wrapped_key = excluded.wrapped_key, sealed_policy = excluded.sealed_policy, \
     digest = excluded.digest where relay_policies.version < excluded.version";
/// Inserts the policy of a backup, unless there is one.
pub const POLICY_RESTORE: &str = "insert into relay_policies (org_id, cred_id, version, \
     updated_at, key_generation, wrapped_key, sealed_policy, digest) \
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, cred_id) do nothing";
/// Replaces the wrapped data key of a policy, and nothing else.
pub const POLICY_REWRAP: &str = "update relay_policies set key_generation = $3, wrapped_key = $4 \
     where org_id = $1 and cred_id = $2";
/// The policies of several credentials of one organization, for a rotation.
pub const POLICIES: &str = concat!(
    "select p.org_id, p.cred_id, ",
    policy!(),
    ", null::bigint as recorded_version, false as recorded \
     from relay_policies p where p.org_id = $1 and p.cred_id = any($2)"
);
/// Removes the policies of several credentials of one organization.
pub const POLICIES_DELETE: &str =
    "delete from relay_policies where org_id = $1 and cred_id = any($2)";
/// Removes the policies of all credentials of an organization.
pub const ALL_POLICIES_DELETE: &str = "delete from relay_policies where org_id = $1";
/// Fails unless each credential, alone or with its policy, has the stamp at the same place.
pub const CHECK_USES: &str = "select strongroom_check_uses($1::uuid[], $2::uuid[], $3::text[])";
/// The stamps of several credentials and of their policies, by organization and id.
pub const USES_CURRENT: &str = concat!(
    "select c.org_id, c.cred_id, ",
    credential_stamp!("c."),
    " as stamp, ",
    policy_stamp!("p."),
    " as policy_stamp \
     from credentials c join unnest($1::uuid[], $2::uuid[]) as used (org_id, cred_id) \
     on c.org_id = used.org_id and c.cred_id = used.cred_id \
     left join relay_policies p on p.org_id = c.org_id and p.cred_id = c.cred_id \
     where (c.org_id = any($1) or c.org_id = ($1)[1]) and c.deleted_at is null"
);

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("POLICIES_WANTED_SHARDED", POLICIES_WANTED_SHARDED),
    ("POLICY_CURRENT", POLICY_CURRENT),
    ("POLICIES_BETWEEN", POLICIES_BETWEEN),
    ("POLICIES_UNATTESTED", POLICIES_UNATTESTED),
    ("POLICY_PUT", POLICY_PUT),
    ("POLICY_RESTORE", POLICY_RESTORE),
    ("POLICY_REWRAP", POLICY_REWRAP),
    ("POLICIES", POLICIES),
    ("POLICIES_DELETE", POLICIES_DELETE),
    ("ALL_POLICIES_DELETE", ALL_POLICIES_DELETE),
    ("CHECK_USES", CHECK_USES),
    ("USES_CURRENT", USES_CURRENT),
];
