//! Statements that insert rows.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

/// The numbers of rows that an INSERT can have. A batch is split into these sizes, largest first.
const SIZES: [usize; 14] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// A column and its type.
type Column = (&'static str, &'static str);

/// An INSERT of several rows: a statement with one of a few fixed sizes, or a part of [`together`].
#[derive(Debug)]
pub struct Insert {
    /// Parameters per row.
    pub columns: usize,
    into: String,
    names: String,
    types: Vec<&'static str>,
    /// Conditions on the rows and their order in [`together`]; if empty, all rows in the given
    /// order.
    selection: &'static str,
    conflict: &'static str,
    statements: [(usize, &'static str); SIZES.len()],
}

impl Insert {
    pub(super) fn new(table: &str, columns: &[Column]) -> Self {
        Self::with_conflict(table, columns, "")
    }

    /// Like [`Self::new`], with a clause for conflicts with existing rows.
    pub(super) fn with_conflict(table: &str, columns: &[Column], conflict: &'static str) -> Self {
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let into = format!("insert into {table} ({names})");
        let statement = |rows: usize| {
            let tuples = (0..rows).map(|row| {
                let params = (1..=columns.len()).map(|column| row * columns.len() + column);
                let params: Vec<_> = params.map(|param| format!("${param}")).collect();
                format!("({})", params.join(", "))
            });
            let tuples: Vec<_> = tuples.collect();
            let sql = format!("{into} values {} {conflict}", tuples.join(", "));
            // Leaked once per process.
            (rows, &*Box::leak(sql.into_boxed_str()))
        };
        Self {
            columns: columns.len(),
            statements: SIZES.map(statement),
            types: columns.iter().map(|(_, kind)| *kind).collect(),
            into,
            names,
            selection: "",
            conflict,
        }
    }

    /// The same INSERT, with a clause that [`together`] appends to its selection from `rows`.
    fn selecting(self, selection: &'static str) -> Self {
        Self { selection, ..self }
    }

    /// The largest prepared statement for at most `rows` rows, with its number of rows.
    #[must_use]
    pub fn for_rows(&self, rows: usize) -> (usize, &'static str) {
        let fitting = self.statements.iter().find(|(size, _)| *size <= rows);
        *fitting.unwrap_or(&self.statements[SIZES.len() - 1])
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.statements.iter().map(|(_, sql)| *sql)
    }

    // One row has a parameter per column, which is cheaper to parse than arrays. Several rows have
    // an array per column. The arrays are unnested in the select list, since PostgreSQL
    // materializes every column of a table function in FROM.
    fn part(&self, first: usize, rows: usize) -> String {
        let params = self.types.iter().enumerate();
        let params = params.map(|(at, kind)| match rows {
            1 => format!("${}::{kind}", first + at),
            _ => format!("unnest(${}::{kind}[])", first + at),
        });
        let params = params.collect::<Vec<_>>().join(", ");
        let Self {
            into,
            names,
            selection,
            conflict,
            ..
        } = self;
        format!(
            "{into} select rows.* from (select {params}) as rows ({names}) \
             where (select orgs from scope) is not null {selection} {conflict}"
        )
    }
}

/// A transaction in one statement, for a database that is not sharded.
///
/// `$1` is the scope. The parameters of `inserts` follow, each with its number of rows. With
/// `generations`, the next parameter is the epoch in which the rows' key generations were checked,
/// or null, followed by the parameters of their check; the statement then returns the current
/// epoch. With `uses`, the parameters of [`CHECK_USES`](crate::sql::CHECK_USES) are the last.
///
/// Every part has a condition on the result of `scope` that refers to no row, so PostgreSQL
/// evaluates it before it reads any row. PostgreSQL takes the locks on the tables before the
/// snapshot (the reason is in its commit 532994299e). Therefore the statement and its check see
/// every generation whose rotation has already waited for the earlier writers. Without a row in
/// `key_epoch`, all generations are checked.
#[must_use]
pub fn together(inserts: &[(&'static Insert, usize)], checks: Checks) -> Arc<str> {
    // Building the text was a third of the process's work for a batch of one.
    static TEXTS: LazyLock<Mutex<HashMap<Shape, Arc<str>>>> = LazyLock::new(Mutex::default);
    let parts = inserts.iter();
    let parts = parts.map(|(insert, rows)| (std::ptr::from_ref(*insert).addr(), *rows == 1));
    let mut texts = TEXTS.lock();
    let text = texts.entry((parts.collect(), checks));
    text.or_insert_with(|| render(inserts, checks).into())
        .clone()
}

/// What a transaction in one statement checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Checks {
    /// The key generations of rows.
    pub generations: bool,
    /// The stamps of credentials and policies that are used.
    pub uses: bool,
}

/// The key of a text: the address of each insert with whether it has one row, and the checks.
type Shape = (Vec<(usize, bool)>, Checks);

fn render(inserts: &[(&Insert, usize)], checks: Checks) -> String {
    let mut sql = String::from(
        "with scope as materialized (select set_config('strongroom.orgs', $1, true) as orgs)",
    );
    let mut next = 2;
    for (at, (insert, rows)) in inserts.iter().enumerate() {
        sql.push_str(&format!(", part{at} as ({})", insert.part(next, *rows)));
        next += insert.columns;
    }
    let mut results = Vec::new();
    let mut from = "scope";
    if checks.generations {
        results.push(format!(
            "epoch, case when epoch = ${next}::uuid then null \
             else strongroom_check_generations(${}::uuid[], ${}::integer[]) end",
            next + 1,
            next + 2
        ));
        from = "scope left join key_epoch on true";
        next += 3;
    }
    if checks.uses {
        results.push(format!(
            "strongroom_check_uses(${next}::uuid[], ${}::uuid[], ${}::text[])",
            next + 1,
            next + 2
        ));
    }
    sql.push_str(&format!(" select {} from {from}", results.join(", ")));
    sql
}

/// Inserts credentials.
pub static CREDENTIALS_INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "credentials",
        &[
            ("org_id", "uuid"),
            ("cred_id", "uuid"),
            ("provider", "text"),
            ("cred_type", "text"),
            ("label", "text"),
            ("version", "bigint"),
            ("key_generation", "integer"),
            ("wrapped_key", "bytea"),
            ("sealed_blob", "bytea"),
            ("updated_at", "timestamptz"),
            ("pieces_user", "text"),
            ("etag", "bytea"),
            ("value_version", "bigint"),
            ("expires_at", "timestamptz"),
            ("expires_source", "text"),
        ],
    )
});

/// Inserts audit events.
pub static AUDIT_INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "audit_events",
        &[
            ("org_id", "uuid"),
            ("lane", "uuid"),
            ("seq", "bigint"),
            ("at", "timestamptz"),
            ("action", "text"),
            ("outcome", "text"),
            ("actor", "text"),
            ("request_id", "text"),
            ("source", "text"),
            ("cred_id", "uuid"),
            ("key_id", "uuid"),
            ("version", "bigint"),
            ("digest", "bytea"),
            ("heads", "bytea"),
            ("proof_key", "integer"),
            ("details", "text"),
            ("mac", "bytea"),
            ("after_mark", "smallint"),
        ],
    )
});

/// Last-used times of credentials; the later time wins. Deleted credentials are omitted; on a
/// sharded cluster, [`CREDENTIALS_KNOWN`](crate::sql::CREDENTIALS_KNOWN) finds the existing ones.
pub static CREDENTIAL_USES_MERGE: LazyLock<Insert> = LazyLock::new(|| {
    Insert::with_conflict(
        "credential_uses as kept",
        &[
            ("org_id", "uuid"),
            ("cred_id", "uuid"),
            ("last_used_at", "timestamptz"),
            ("last_used_by", "uuid"),
        ],
        "on conflict (org_id, cred_id) do update set \
         last_used_at = greatest(kept.last_used_at, excluded.last_used_at), \
         last_used_by = case when excluded.last_used_at >= kept.last_used_at \
           then excluded.last_used_by else kept.last_used_by end",
    )
    // All transactions lock these rows in this order, which prevents deadlocks.
    .selecting(
        "and exists (select from credentials c where c.org_id = rows.org_id and c.cred_id = \
             rows.cred_id) \
         order by rows.org_id, rows.cred_id",
    )
});

/// Last-used times of API keys; the later time wins.
pub static KEY_USES_MERGE: LazyLock<Insert> = LazyLock::new(|| {
    Insert::with_conflict(
        "key_uses as kept",
        &[
            ("org_id", "uuid"),
            ("key_id", "uuid"),
            ("last_used_at", "timestamptz"),
        ],
        "on conflict (org_id, key_id) do update set \
         last_used_at = greatest(kept.last_used_at, excluded.last_used_at)",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ_by_inserts_sizes_and_checks() {
        let (credentials, audit) = (&*CREDENTIALS_INSERT, &*AUDIT_INSERT);
        let no_checks = Checks::default();
        let generations = Checks {
            generations: true,
            ..no_checks
        };
        let uses = Checks {
            uses: true,
            ..no_checks
        };
        let texts = [
            together(&[(credentials, 1), (audit, 1)], generations),
            together(&[(credentials, 2), (audit, 1)], generations),
            together(&[(credentials, 1), (audit, 2)], generations),
            together(&[(credentials, 1), (audit, 1)], no_checks),
            together(&[(audit, 1)], no_checks),
            together(&[(audit, 1)], uses),
        ];
        let different: std::collections::HashSet<_> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
        assert_eq!(
            together(&[(credentials, 40), (audit, 1)], generations),
            texts[1]
        );
    }

    #[test]
    fn a_batch_is_split_largest_first() {
        let sizes: Vec<_> = [1, 7, 8, 63, 64, 1000]
            .map(|rows| AUDIT_INSERT.for_rows(rows).0)
            .to_vec();
        assert_eq!(sizes, [1, 6, 8, 48, 64, 128]);
    }
}
