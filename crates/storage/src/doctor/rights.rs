//! Excess and missing rights of the servers' role.

use std::collections::BTreeSet;

use crate::connect::error::ConnectError;
use crate::doctor::Inspection;
use crate::quote::quote_ident;
use crate::schema::roles::GRANTS;
use crate::sql::doctor as sql;

/// A right of the servers' role that `strongroom migrate` does not grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// `TRUNCATE`, for example.
    pub privilege: String,
    /// The table, column, schema, database or function it applies to.
    pub object: String,
    /// Whether this version has the table; otherwise it may belong to a newer version.
    pub known: bool,
    /// The grantee: the role, a role that it can become, or `public`.
    pub grantee: String,
    /// The statement that revokes it.
    pub remedy: String,
}

/// A missing right that servers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// `SELECT`, for example.
    pub privilege: String,
    /// The table, and the column if the right applies to one.
    pub object: String,
}

/// A right of [`GRANTS`]: privilege, table and column; an empty column means the whole table.
type Granted = (String, String, String);

impl Inspection {
    /// Rights that the session's role has, directly or through another role, beyond those that
    /// `strongroom migrate` grants.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn excess_rights(&self) -> Result<Vec<Right>, ConnectError> {
        let (tables, functions) = (table_rights(), functions());
        let mut excess = Vec::new();
        for row in self.query(sql::GRANTED, &[]).await? {
            let kind: &str = row.try_get("kind")?;
            let (schema, object): (&str, &str) = (row.try_get("schema")?, row.try_get("object")?);
            let column: &str = row.try_get("column_name")?;
            let (privilege, grantee): (&str, &str) =
                (row.try_get("privilege")?, row.try_get("grantee")?);
            let given = |column: &str| {
                let right = (privilege.to_owned(), object.to_owned(), column.to_owned());
                schema == "public" && tables.contains(&right)
            };
            let expected = match kind {
                "table" => given(""),
                "column" => given("") || given(column),
                "function" => functions.contains(object),
                // A role that can create objects can shadow those of the schema.
                _ => privilege != "CREATE",
            };
            if !expected {
                excess.push(right(kind, (schema, object, column), privilege, grantee));
            }
        }
        Ok(excess)
    }

    /// Rights that servers need and the session's role lacks.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn lacking_rights(&self) -> Result<Vec<Lacking>, ConnectError> {
        let schema = self.one(sql::SCHEMA_USABLE, &[]).await?;
        if !schema.try_get::<_, bool>("usable")? {
            let (privilege, object) = ("USAGE".into(), "schema public".into());
            return Ok(vec![Lacking { privilege, object }]);
        }
        let rights = table_rights();
        let (mut tables, mut columns, mut privileges) = (Vec::new(), Vec::new(), Vec::new());
        for (privilege, table, column) in &rights {
            tables.push(table.as_str());
            columns.push(column.as_str());
            privileges.push(privilege.as_str());
        }
        let rows = self
            .query(sql::LACKING, &[&tables, &columns, &privileges])
            .await?;
        rows.iter()
            .map(|row| {
                let (table, column): (&str, &str) =
                    (row.try_get("object")?, row.try_get("column_name")?);
                Ok(Lacking {
                    privilege: row.try_get("privilege")?,
                    object: dotted(table, column),
                })
            })
            .collect()
    }
}

fn right(
    kind: &str,
    (schema, object, column): (&str, &str, &str),
    privilege: &str,
    grantee: &str,
) -> Right {
    let qualified = if schema == "public" || schema.is_empty() || kind == "schema" {
        object.to_owned()
    } else {
        format!("{schema}.{object}")
    };
    let (what, on) = match kind {
        "column" => (
            format!("{privilege} ({})", quote_ident(column)),
            qualified.clone(),
        ),
        "table" => (privilege.to_owned(), qualified.clone()),
        other => (privilege.to_owned(), format!("{other} {qualified}")),
    };
    Right {
        privilege: privilege.to_owned(),
        object: if kind == "column" {
            dotted(&qualified, column)
        } else {
            on.clone()
        },
        known: table_rights().iter().any(|(_, table, _)| table == object),
        grantee: grantee.to_owned(),
        remedy: format!("revoke {what} on {on} from {grantee};"),
    }
}

fn dotted(table: &str, column: &str) -> String {
    if column.is_empty() {
        table.to_owned()
    } else {
        format!("{table}.{column}")
    }
}

/// Privileges and objects of each statement in [`GRANTS`]. All statements have the same form.
fn statements() -> impl Iterator<Item = (&'static str, &'static str)> {
    GRANTS.split(';').filter_map(|statement| {
        let rest = statement.trim().strip_prefix("grant ")?;
        rest.strip_suffix(" to {role}")?.split_once(" on ")
    })
}

/// The rights of servers on tables.
fn table_rights() -> BTreeSet<Granted> {
    let mut rights = BTreeSet::new();
    for (what, on) in statements() {
        if on.starts_with("function ") || on.starts_with("schema ") {
            continue;
        }
        for (privilege, column) in privileges(what) {
            for table in on.split(", ") {
                rights.insert((privilege.clone(), table.to_owned(), column.clone()));
            }
        }
    }
    rights
}

/// The functions that servers may call, with the types of their arguments.
fn functions() -> BTreeSet<String> {
    let functions = statements().filter_map(|(_, on)| on.strip_prefix("function "));
    functions
        .flat_map(|list| list.split_inclusive(')'))
        .map(|one| one.trim_start_matches(", ").to_owned())
        .collect()
}

// Parses `select, update (a, b)` into pairs of privilege and column.
fn privileges(what: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = what;
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_uppercase();
        rest = &rest[end..];
        if let Some(columns) = rest.strip_prefix('(') {
            let (columns, after) = columns.split_once(')').unwrap_or((columns, ""));
            let column = |column: &str| (name.clone(), column.trim().to_owned());
            found.extend(columns.split(',').map(column));
            rest = after;
        } else {
            found.push((name, String::new()));
        }
        rest = rest.trim_start_matches([',', ' ']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_grants_are_parsed() {
        let rights = table_rights();
        let has = |privilege: &str, table: &str, column: &str| {
            rights.contains(&(privilege.into(), table.into(), column.into()))
        };
        assert!(has("SELECT", "audit_events", "") && has("INSERT", "audit_events", ""));
        assert!(!has("UPDATE", "audit_events", ""));
        assert!(has("UPDATE", "api_keys", "revoked_at") && has("UPDATE", "api_keys", "digest"));
        assert!(has("DELETE", "org_keys", "") && has("UPDATE", "org_keys", "active"));
        assert!(has("DELETE", "idempotency_keys", ""));
        let functions = functions();
        assert!(functions.contains("strongroom_ensure_audit_partitions()"));
        assert!(functions.contains("strongroom_check_generations(uuid[], integer[])"));
        assert!(functions.contains("strongroom_check_uses(uuid[], uuid[], text[])"));
        assert_eq!(statements().count(), GRANTS.matches("grant ").count());
    }
}
