//! Statements for sessions of the console.

macro_rules! sessions {
    ($id:literal, $rest:literal) => {
        concat!(
            "select s.org_id, s.session_id, s.holder_kind, s.holder_id, \
             s.created_at, s.last_seen_at, s.digest, exists (select from audit_events e \
               where e.org_id = $1 and e.key_id = ",
            $id,
            " and e.action = 'console.sign_in') as began, \
             exists (select from audit_events e \
               where e.org_id = $1 and e.key_id = ",
            $id,
            " and e.action = 'console.sign_out') as ended \
             from console_sessions s where s.org_id = $1 ",
            $rest
        )
    };
}

/// One session, with what the audit trail says of it.
pub const CONSOLE_SESSION: &str = sessions!("$2", "and s.session_id = $2");
/// The sessions, of one API key or client or of all, that began and had a request after two times,
/// with what the audit trail says of them.
pub const CONSOLE_SESSIONS_OPEN: &str = sessions!(
    "s.session_id",
    "and ($2::uuid is null or s.holder_id = $2) and s.created_at > $3 and s.last_seen_at > $4 \
     order by s.last_seen_at desc, s.session_id limit $5"
);
/// The ids of all sessions of an API key or client, oldest first.
pub const CONSOLE_SESSIONS_OF: &str = "select session_id from console_sessions \
     where org_id = $1 and holder_id = $2 order by created_at, session_id";
/// Inserts a session.
pub const CONSOLE_SESSION_INSERT: &str = "insert into console_sessions (org_id, session_id, \
     holder_kind, holder_id, created_at, last_seen_at, digest) \
     values ($1, $2, $3, $4, $5, $6, $7)";
/// Stores the time of a request of a session, unless a later one is stored.
pub const CONSOLE_SESSION_SEE: &str = "update console_sessions set last_seen_at = $3 \
     where org_id = $1 and session_id = $2 and last_seen_at < $3";
/// Deletes a session.
pub const CONSOLE_SESSION_DELETE: &str =
    "delete from console_sessions where org_id = $1 and session_id = $2";
/// Deletes all sessions of an API key or client.
pub const CONSOLE_SESSIONS_OF_DELETE: &str =
    "delete from console_sessions where org_id = $1 and holder_id = $2";
/// The organizations that have sessions that began before a time.
pub const CONSOLE_SESSIONS_OLD: &str = "select s.org_id from unnest($1::uuid[]) as wanted (org_id) \
     join console_sessions s on s.org_id = wanted.org_id \
     where (s.org_id = any($1) or s.org_id = ($1)[1]) and s.created_at < $2 group by s.org_id";
/// Deletes a thousand sessions of an organization that began before a time.
pub const CONSOLE_SESSIONS_FORGET_SOME: &str = "delete from console_sessions where org_id = $1 \
     and session_id = any(array(select session_id from console_sessions \
       where org_id = $1 and created_at < $2 limit 1000))";
/// Deletes all sessions of an organization.
pub const ALL_CONSOLE_SESSIONS_DELETE: &str = "delete from console_sessions where org_id = $1";

/// The constants above, with their names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("CONSOLE_SESSION", CONSOLE_SESSION),
    ("CONSOLE_SESSIONS_OPEN", CONSOLE_SESSIONS_OPEN),
    ("CONSOLE_SESSIONS_OF", CONSOLE_SESSIONS_OF),
    ("CONSOLE_SESSION_INSERT", CONSOLE_SESSION_INSERT),
    ("CONSOLE_SESSION_SEE", CONSOLE_SESSION_SEE),
    ("CONSOLE_SESSION_DELETE", CONSOLE_SESSION_DELETE),
    ("CONSOLE_SESSIONS_OF_DELETE", CONSOLE_SESSIONS_OF_DELETE),
    ("CONSOLE_SESSIONS_OLD", CONSOLE_SESSIONS_OLD),
    ("CONSOLE_SESSIONS_FORGET_SOME", CONSOLE_SESSIONS_FORGET_SOME),
    ("ALL_CONSOLE_SESSIONS_DELETE", ALL_CONSOLE_SESSIONS_DELETE),
];
