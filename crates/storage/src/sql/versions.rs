//! Statements about the values of credentials that are not the current ones.

// A blob larger than any that a server stores is replaced by one that does not decrypt.
macro_rules! versions {
    ($where:literal) => {
        concat!(
            "select org_id, cred_id, value_version, stage, staged_at, expires_at, \
             expires_source, key_generation, wrapped_key, \
             case when octet_length(sealed_blob) > 1048576 then '' else sealed_blob end \
             as sealed_blob, destroyed_at, digest \
             from credential_versions where org_id = $1 and ",
            $where,
            " order by cred_id, value_version"
        )
    };
}

/// The other values of several credentials of one organization.
pub const VERSIONS: &str = versions!("cred_id = any($2)");
/// The other values of the credentials of one organization from one id to another.
pub const VERSIONS_BETWEEN: &str = versions!("cred_id >= $2 and cred_id <= $3");
/// The other values of an organization's credentials after a place, for a backup.
pub const VERSIONS_AFTER: &str = concat!(
    versions!("(cred_id, value_version) > ($2::uuid, $3::bigint)"),
    " limit $4"
);
/// Inserts a value, or replaces the one with the same number.
pub const VERSION_PUT: &str = "insert into credential_versions (org_id, cred_id, value_version, \
     stage, staged_at, expires_at, expires_source, key_generation, wrapped_key, sealed_blob, \
     destroyed_at, digest) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     on conflict (org_id, cred_id, value_version) do update set stage = excluded.stage, \
     staged_at = excluded.staged_at, expires_at = excluded.expires_at, \
     expires_source = excluded.expires_source, key_generation = excluded.key_generation, \
     wrapped_key = excluded.wrapped_key, sealed_blob = excluded.sealed_blob, \
     destroyed_at = excluded.destroyed_at, digest = excluded.digest";
/// Removes several values of a credential.
pub const VERSIONS_REMOVE: &str = "delete from credential_versions \
     where org_id = $1 and cred_id = $2 and value_version = any($3)";
/// Removes the other values of several credentials of one organization.
pub const VERSIONS_DELETE: &str =
    "delete from credential_versions where org_id = $1 and cred_id = any($2)";
/// Removes the other values of all credentials of an organization.
pub const ALL_VERSIONS_DELETE: &str = "delete from credential_versions where org_id = $1";
/// Replaces the wrapped data key of a value, and nothing else.
pub const VERSION_REWRAP: &str = "update credential_versions \
     set key_generation = $4, wrapped_key = $5 \
     where org_id = $1 and cred_id = $2 and value_version = $3";
/// The credentials of an organization after an id that have more than a number of former values.
pub const VERSIONS_BEYOND: &str = "select v.cred_id from credential_versions v \
     join credentials c on c.org_id = v.org_id and c.cred_id = v.cred_id \
     where v.org_id = $1 and v.cred_id > $3 and v.stage is distinct from 'pending' \
     and v.destroyed_at is null and c.deleted_at is null group by v.cred_id \
     having count(*) > $2 order by v.cred_id limit $4";
/// A credential, also a deleted one.
pub const CURRENT: &str = concat!(
    "select ",
    sealed!("c."),
    " from credentials c where c.org_id = $1 and c.cred_id = $2"
);

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("VERSIONS", VERSIONS),
    ("VERSIONS_BETWEEN", VERSIONS_BETWEEN),
    ("VERSIONS_AFTER", VERSIONS_AFTER),
    ("VERSION_PUT", VERSION_PUT),
    ("VERSIONS_REMOVE", VERSIONS_REMOVE),
    ("VERSIONS_DELETE", VERSIONS_DELETE),
    ("ALL_VERSIONS_DELETE", ALL_VERSIONS_DELETE),
    ("VERSION_REWRAP", VERSION_REWRAP),
    ("VERSIONS_BEYOND", VERSIONS_BEYOND),
    ("CURRENT", CURRENT),
];
