//! Statements for OAuth 2.0 clients and access tokens.

macro_rules! client_events {
    ($alias:literal) => {
        concat!(
            $alias,
            ".action in ('oauth_client.create', 'oauth_client.update', \
             'oauth_client.rotate_secret', 'oauth_client.delete', 'oauth_client.attest')"
        )
    };
}
/// The columns of a client `c` of an organization `o`, and what the audit trail says of it. A
/// sharded cluster queries all shards, unless the sub-selects themselves name the organizations.
macro_rules! client_columns {
    ($of_orgs:literal) => {
        concat!(
            "select c.org_id, c.client_id, c.name, c.limits, c.access_token_duration, \
             c.created_at, c.version, c.digest, c.proof, (select max(e.version) \
               from audit_events e where e.org_id = c.org_id and ",
            $of_orgs,
            " and e.key_id = c.client_id and ",
            client_events!("e"),
            ") as recorded_version, exists (select from audit_events e \
               where e.org_id = c.org_id and ",
            $of_orgs,
            " and e.key_id = c.client_id \
               and e.version = c.version and e.digest = c.proof and ",
            client_events!("e"),
            ") as recorded, c.deleted_at is null and o.org_id is not null \
             and o.deleted_at is null as usable, c.deleted_at is not null as ended \
             from oauth_clients c "
        )
    };
}

/// Several clients by (organization, id), with what the audit trail says of them, and whether each
/// and its organization are not deleted.
pub const OAUTH_CLIENTS_WANTED: &str = concat!(
    client_columns!("(e.org_id = any($1) or e.org_id = ($1)[1])"),
    "join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, client_id) \
     on c.org_id = wanted.org_id and c.client_id = wanted.client_id \
     left join organizations o on o.org_id = c.org_id \
     where c.org_id = any($1) or c.org_id = ($1)[1]"
);
/// All clients of an organization that have not ended, oldest first.
pub const OAUTH_CLIENTS: &str = concat!(
    client_columns!("e.org_id = $1"),
    "left join organizations o on o.org_id = c.org_id \
     where c.org_id = $1 and c.deleted_at is null order by c.created_at, c.client_id"
);
/// The clients of an organization, also ended ones, whose version no event recorded from a time on.
pub const OAUTH_CLIENTS_UNATTESTED: &str = concat!(
    client_columns!("e.org_id = $1"),
    "left join organizations o on o.org_id = c.org_id \
     where c.org_id = $1 and not exists (select from audit_events n \
       where n.org_id = $1 and n.key_id = c.client_id and n.version >= c.version \
       and n.at >= $2 and ",
    client_events!("n"),
    ") order by c.created_at, c.client_id"
);
/// Inserts a client.
pub const OAUTH_CLIENT_INSERT: &str = "insert into oauth_clients (org_id, client_id, name, limits, \
     access_token_duration, created_at, version, digest, proof) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
/// Replaces a client by its next version, unless it has ended or has another version.
pub const OAUTH_CLIENT_REPLACE: &str = "update oauth_clients set name = $3, limits = $4, \
     access_token_duration = $5, version = $6, digest = $7, proof = $8 \
     where org_id = $1 and client_id = $2 and version + 1 = $6 and deleted_at is null";
/// Ends a client for good, unless it has a newer version.
pub const OAUTH_CLIENT_END: &str = "update oauth_clients set version = $3, deleted_at = $4, \
     digest = '', proof = '' \
     where org_id = $1 and client_id = $2 and version < $3 and deleted_at is null";
/// Ends all clients of an organization for good.
pub const OAUTH_CLIENTS_END: &str = "update oauth_clients set version = version + 1, \
     deleted_at = $2, digest = '', proof = '' where org_id = $1 and deleted_at is null";

/// Several access tokens by (organization, id), with what the audit trail says of them.
pub const ACCESS_TOKENS_WANTED: &str = "select t.org_id, t.token_id, t.client_id, t.scopes, \
     t.issued_at, t.expires_at, t.digest, exists (select from audit_events e \
       where e.org_id = t.org_id and (e.org_id = any($1) or e.org_id = ($1)[1]) \
       and e.key_id = t.token_id and e.action = 'token.issue') as issued, \
     exists (select from audit_events r where r.org_id = t.org_id \
       and (r.org_id = any($1) or r.org_id = ($1)[1]) and r.key_id = t.token_id \
       and r.action = 'token.revoke') as revoked \
     from access_tokens t join unnest($1::uuid[], $2::uuid[]) as wanted (org_id, token_id) \
     on t.org_id = wanted.org_id and t.token_id = wanted.token_id \
     where t.org_id = any($1) or t.org_id = ($1)[1]";
/// Inserts an access token.
pub const ACCESS_TOKEN_INSERT: &str = "insert into access_tokens (org_id, token_id, client_id, \
     scopes, issued_at, expires_at, digest) values ($1, $2, $3, $4, $5, $6, $7)";
/// Deletes an access token.
pub const ACCESS_TOKEN_DELETE: &str =
    "delete from access_tokens where org_id = $1 and token_id = $2";
/// The organizations that have access tokens that expired before a time.
pub const ACCESS_TOKENS_OLD: &str = "select t.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join access_tokens t on t.org_id = wanted.org_id \
     where (t.org_id = any($1) or t.org_id = ($1)[1]) and t.expires_at < $2 group by t.org_id";
/// Deletes a thousand access tokens of an organization that expired before a time.
pub const ACCESS_TOKENS_FORGET_SOME: &str = "delete from access_tokens where org_id = $1 \
     and token_id = any(array(select token_id from access_tokens \
       where org_id = $1 and expires_at < $2 limit 1000))";
/// Deletes all access tokens of an organization.
pub const ALL_ACCESS_TOKENS_DELETE: &str = "delete from access_tokens where org_id = $1";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("OAUTH_CLIENTS_WANTED", OAUTH_CLIENTS_WANTED),
    ("OAUTH_CLIENTS", OAUTH_CLIENTS),
    ("OAUTH_CLIENTS_UNATTESTED", OAUTH_CLIENTS_UNATTESTED),
    ("OAUTH_CLIENT_INSERT", OAUTH_CLIENT_INSERT),
    ("OAUTH_CLIENT_REPLACE", OAUTH_CLIENT_REPLACE),
    ("OAUTH_CLIENT_END", OAUTH_CLIENT_END),
    ("OAUTH_CLIENTS_END", OAUTH_CLIENTS_END),
    ("ACCESS_TOKENS_WANTED", ACCESS_TOKENS_WANTED),
    ("ACCESS_TOKEN_INSERT", ACCESS_TOKEN_INSERT),
    ("ACCESS_TOKEN_DELETE", ACCESS_TOKEN_DELETE),
    ("ACCESS_TOKENS_OLD", ACCESS_TOKENS_OLD),
    ("ACCESS_TOKENS_FORGET_SOME", ACCESS_TOKENS_FORGET_SOME),
    ("ALL_ACCESS_TOKENS_DELETE", ALL_ACCESS_TOKENS_DELETE),
];
