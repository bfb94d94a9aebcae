//! Queries of `strongroom doctor` on catalogs, settings and statistics that every role can read.
//! Tables are qualified, since the session's search path is empty.

/// Version, session and state of the server.
pub const SERVER: &str = "select current_setting('server_version') as version, \
     current_setting('server_version_num')::integer as version_number, session_user::text as role, \
     pg_encoding_to_char(d.encoding)::text as encoding, pg_is_in_recovery() as standby, \
     pg_postmaster_start_time() as started_at, \
     (select system_identifier from pg_control_system()) as cluster, \
     coalesce(current_setting('strongroom.orgs', true), '') as scope, \
     case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as replay_paused, \
     exists (select from pg_stat_wal_receiver) as receiving \
     from pg_database d where d.datname = current_database()";
/// The server's clock.
pub const CLOCK: &str = "select clock_timestamp() as now";
/// Settings by name.
pub const SETTINGS: &str = "select name, setting from pg_settings where name = any($1)";
/// Connections in use, and the limits of the role and the database (-1: no limit).
pub const CONNECTIONS: &str = "select coalesce(sum(s.numbackends), 0)::bigint as used, \
     (select rolconnlimit from pg_roles where rolname = session_user) as role_limit, \
     (select datconnlimit from pg_database where datname = current_database()) as database_limit \
     from pg_stat_database s";
/// The session's role and every role that it can become, with the objects that each owns; the
/// session's role first.
pub const ROLES: &str = "select r.rolname::text as name, r.rolname = session_user as own, \
     r.rolsuper, \
     r.rolbypassrls, r.rolcreaterole, r.rolreplication, \
     coalesce((select array_agg(c.relname::text order by c.relname) from pg_class c \
       where c.relowner = r.oid and c.relnamespace = 'public'::regnamespace and c.relkind in \
       ('r', 'p')), \
       '{}') as tables, \
     exists (select from pg_namespace n where n.nspname = 'public' and n.nspowner = r.oid) as \
     owns_schema, \
     exists (select from pg_database d where d.datname = current_database() and d.datdba = r.oid) \
       as owns_database, \
     has_schema_privilege(r.oid, 'public', 'create') as creates_objects \
     from pg_roles r where pg_has_role(session_user, r.oid, 'member') \
       or pg_has_role(current_user, r.oid, 'member') \
     order by r.rolname <> session_user, r.rolname";
/// Tenant tables and partitions, and whether row-level security is on and forced.
pub const TENANT_TABLES: &str = "select c.relname::text as name, c.relrowsecurity as enabled, \
     c.relforcerowsecurity as forced \
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' \
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname";
/// Whether the tables are sharded.
pub const SHARDED: &str =
    "select exists (select from pg_extension where extname = 'citus') as sharded";
/// The policies of these tables.
pub const POLICIES: &str = "select c.relname::text as table_name, p.polname::text as name, \
     p.polpermissive as permissive, p.polcmd::text as command, p.polroles = '{0}'::oid[] as \
     everyone, \
     pg_get_expr(p.polqual, p.polrelid) as using_expression, \
     pg_get_expr(p.polwithcheck, p.polrelid) as check_expression \
     from pg_policy p join pg_class c on c.oid = p.polrelid \
     where c.relnamespace = 'public'::regnamespace order by c.relname, p.polname";
/// Rights granted to the session's role, to every role that it can become, and to `public`: on
/// tables and views, their columns, schemas, this database, and functions that run as their owner.
/// Objects of extensions are omitted.
pub const GRANTED: &str = "with grantees as ( \
       select 0::oid as oid, 'public' as name union all \
       select r.oid, quote_ident(r.rolname) from pg_roles r where pg_has_role(session_user, \
       r.oid, 'member')), \
     schemas as (select oid, nspname, nspowner, nspacl from pg_namespace \
       where nspname not like 'pg\\_%' and nspname <> 'information_schema'), \
     extended as (select classid, objid from pg_depend where deptype = 'e'), \
     relations as (select c.oid, s.nspname, c.relname, c.relowner, c.relacl \
       from pg_class c join schemas s on s.oid = c.relnamespace where c.relkind in ('r', 'p', \
       'v', 'm', 'f') \
       and (1259::oid, c.oid) not in (select * from extended)), \
     granted as ( \
       select 'table' as kind, nspname::text as schema, relname::text as object, '' as \
       column_name, \
         relowner as owner, relacl as acl from relations \
       union all select 'column', r.nspname, r.relname, a.attname, r.relowner, a.attacl \
         from relations r join pg_attribute a on a.attrelid = r.oid and a.attacl is not null \
       union all select 'schema', nspname, nspname, '', nspowner, nspacl from schemas \
         where (2615::oid, oid) not in (select * from extended) \
       union all select 'database', '', datname, '', datdba, datacl from pg_database \
         where datname = current_database() \
       union all select 'function', s.nspname, p.proname || '(' || \
       pg_get_function_identity_arguments(p.oid) || ')', \
         '', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) \
         from pg_proc p join schemas s on s.oid = p.pronamespace \
         where p.prosecdef and (1255::oid, p.oid) not in (select * from extended)) \
     select a.kind, a.schema, a.object, a.column_name, x.privilege_type as privilege, g.name as \
     grantee \
     from granted a cross join lateral aclexplode(a.acl) x join grantees g on g.oid = x.grantee \
     where x.grantee <> a.owner order by a.kind, a.schema, a.object, a.column_name, privilege, \
     grantee";
/// The rights that the session's role lacks, of the given ones on tables and their columns. An
/// empty column means the whole table.
pub const LACKING: &str = "select w.object, w.column_name, w.privilege \
     from unnest($1::text[], $2::text[], $3::text[]) as w (object, column_name, privilege) \
     left join pg_class c on c.relname = w.object and c.relnamespace = 'public'::regnamespace \
     left join pg_attribute a on a.attrelid = c.oid and a.attname = w.column_name and a.attname \
     <> '' \
     where not coalesce(case when w.column_name = '' then has_table_privilege(session_user, \
     c.oid, w.privilege) \
       else has_column_privilege(session_user, c.oid, a.attnum, w.privilege) end, true) \
     order by w.object, w.privilege, w.column_name";
/// Whether the session's role has USAGE on the schema.
pub const SCHEMA_USABLE: &str =
    "select has_schema_privilege(session_user, 'public', 'usage') as usable";
/// The audit partitions of this month and the next three, and whether each exists.
pub const AUDIT_PARTITIONS: &str = "select named.name, \
     exists (select from pg_class c where c.relname = named.name \
       and c.relnamespace = 'public'::regnamespace) as present \
     from (select 'audit_events_' || to_char(date_trunc('month', now() at time zone 'utc') \
       + ahead * interval '1 month', '\"y\"YYYY\"m\"MM') as name \
       from generate_series(0, 3) as ahead) as named order by named.name";
/// The size of the default partition of the audit table in bytes; no row if there is none.
pub const AUDIT_DEFAULT_SIZE: &str = "select pg_relation_size(c.oid) as bytes from pg_class c \
     where c.relname = 'audit_events_default' and c.relnamespace = 'public'::regnamespace";
/// Triggers of the migrations that are missing or disabled; none if the tables are sharded.
pub const MISSING_TRIGGERS: &str = "select wanted.table_name, wanted.trigger_name from (values \
     ('api_keys', 'forward_only'), ('api_keys', 'key_epoch'), ('org_keys', 'forward_only'), \
     ('org_keys', 'key_epoch'), ('organizations', 'forward_only'), ('organizations', 'key_epoch'), \
     ('relay_policies', 'forward_only'), \
     ('root_keys', 'forward_only')) as wanted (table_name, trigger_name) \
     where not exists (select from pg_extension where extname = 'citus') and not exists ( \
       select from pg_trigger t join pg_class c on c.oid = t.tgrelid \
       where c.relname = wanted.table_name and c.relnamespace = 'public'::regnamespace \
       and t.tgname = wanted.trigger_name and t.tgenabled in ('O', 'A')) \
     order by wanted.table_name, wanted.trigger_name";
/// The number of rows in `key_epoch`, which must be one.
pub const EPOCHS: &str = "select count(*) as epochs from public.key_epoch";
/// Physical replication slots, with the WAL that each retains.
pub const SLOTS: &str = "select slot_name::text as name, active, coalesce(wal_status, '') as \
     wal_status, \
     coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() \
       else pg_current_wal_lsn() end, restart_lsn), 0)::bigint as kept_bytes \
     from pg_replication_slots where slot_type = 'physical' and not temporary order by slot_name";
/// Whether a session of this database holds an advisory lock.
pub const ADVISORY_LOCK_HELD: &str = "select exists (select from pg_locks l join pg_database d \
     on d.oid = l.database \
     where d.datname = current_database() and l.locktype = 'advisory' and l.granted and \
     l.objsubid = 1 \
     and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295) as \
     held";

/// Every constant of this module.
pub(super) const ALL: [(&str, &str); 17] = [
    ("SERVER", SERVER),
    ("CLOCK", CLOCK),
    ("SETTINGS", SETTINGS),
    ("CONNECTIONS", CONNECTIONS),
    ("ROLES", ROLES),
    ("TENANT_TABLES", TENANT_TABLES),
    ("SHARDED", SHARDED),
    ("POLICIES", POLICIES),
    ("GRANTED", GRANTED),
    ("LACKING", LACKING),
    ("SCHEMA_USABLE", SCHEMA_USABLE),
    ("AUDIT_PARTITIONS", AUDIT_PARTITIONS),
    ("AUDIT_DEFAULT_SIZE", AUDIT_DEFAULT_SIZE),
    ("MISSING_TRIGGERS", MISSING_TRIGGERS),
    ("EPOCHS", EPOCHS),
    ("SLOTS", SLOTS),
    ("ADVISORY_LOCK_HELD", ADVISORY_LOCK_HELD),
];
