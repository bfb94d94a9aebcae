//! Finds statements that a cluster sharded by `org_id` refuses. It relies on the
//! style of this crate's SQL, and does not parse it.

use crate::sql::LISTINGS;

/// The tables that the migrations shard.
pub(super) fn tenant_tables(migrations: &str) -> Vec<&str> {
    let calls = migrations.split("select strongroom_tenant_table('").skip(1);
    let mut tables: Vec<&str> = calls.filter_map(|rest| rest.split('\'').next()).collect();
    // Partitions are sharded with their parent.
    tables.push("audit_events_default");
    tables
}

/// Why a sharded cluster would refuse a statement, or run it on every shard.
pub(super) fn refusal(name: &str, sql: &str, tenant: &[&str]) -> Option<&'static str> {
    let sql = normalized(sql);
    if sql.contains("set_config(") {
        return Some("set_config does not reach the workers: use set local");
    }
    if sql.contains("tableoid") {
        return Some("tableoid is that of a shard: name the partition");
    }
    if LISTINGS.contains(&name) {
        let nested = sql.contains("(select ");
        return nested.then_some("a sub-select of a listing is copied whole, or refused");
    }
    if sql.starts_with("lock table ") || sql.contains("'::regclass") {
        return None;
    }
    let references = references(&sql, tenant);
    if references.is_empty() {
        return None;
    }
    if sql.starts_with("insert into") {
        let returns = sql.contains(" returning ");
        if sql.contains("from unnest(") && !returns {
            return Some("insert … select from unnest needs returning; use values");
        }
        if !sql.contains("org_id") && !sql.contains(".*") {
            return Some("a row's organization is missing");
        }
    }
    if sql.starts_with("update ") && assigns_org(&sql) {
        return Some("a row does not move to another organization");
    }
    if sql.contains(" for update") && !sql.contains("where org_id = $1 ") {
        return Some("rows are locked one organization at a time");
    }
    let unbound = |alias: &&str| !is_bound(&sql, alias);
    let read = references.iter().filter(|(verb, _)| *verb != "into");
    if read.clone().any(|(_, alias)| unbound(alias)) {
        return Some("a table is read without an equality on its org_id");
    }
    let nested = sub_selected(&sql, tenant);
    nested.then_some("a sub-select needs all shards, unless it compares org_id with a parameter")
}

pub(super) fn normalized(sql: &str) -> String {
    let spaced = sql.replace('\n', " ").replace('(', "( ").replace(',', ", ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").replace("( ", "(").to_lowercase()
}

/// The keyword before each reference to a tenant table, and the table's alias.
fn references<'a>(sql: &'a str, tenant: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    const VERBS: [&str; 5] = ["from", "join", "into", "update", "using"];
    const NO_ALIAS: [&str; 11] = [
        "where", "set", "order", "limit", "values", "on", "select", "left", "join", "using",
        "group",
    ];
    let words: Vec<&str> = sql
        .split([' ', '(', ')'])
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let table = word.trim_end_matches(',');
        let verb = at.checked_sub(1).map_or("", |before| words[before]);
        if !tenant.contains(&table) || !VERBS.contains(&verb) {
            continue;
        }
        let mut next = words[at + 1..].iter().copied().filter(|word| *word != "as");
        let alias = next
            .next()
            .filter(|word| !NO_ALIAS.contains(word) && word.chars().all(char::is_alphanumeric));
        found.push((verb, alias.unwrap_or("")));
    }
    found
}

/// Whether a condition on `org_id` applies to the table.
fn is_bound(sql: &str, alias: &str) -> bool {
    if alias.is_empty() {
        let bound = |found: (usize, &str)| !sql[..found.0].ends_with('.');
        return ["org_id = $", "org_id = any("]
            .iter()
            .any(|condition| sql.match_indices(condition).any(bound));
    }
    let named = format!("{alias}.org_id");
    sql.contains(&format!("{named} = ")) || sql.contains(&format!(" = {named}"))
}

/// Whether a sub-select of columns or conditions has no organization of its own. A cluster does not
/// see that it concerns only the organizations of the statement around it.
fn sub_selected(sql: &str, tenant: &[&str]) -> bool {
    let mut parts = sql.split("(select ");
    let mut before = parts.next().unwrap_or_default();
    parts.any(|part| {
        let whole = part.split(") as ").next().unwrap_or_default();
        let relation = before.ends_with("lateral ") || before.ends_with("from ");
        before = part;
        let alone = |(_, alias): &(&str, &str)| {
            let named = |condition| whole.contains(&format!("{alias}.org_id = {condition}"));
            !alias.is_empty() && !named("$") && !named("any(")
        };
        !relation && references(whole, tenant).iter().any(alone)
    })
}

fn assigns_org(sql: &str) -> bool {
    let set = sql.split(" set ").nth(1).unwrap_or_default();
    let set = set.split(" where ").next().unwrap_or_default();
    set.starts_with("org_id =") || set.contains(", org_id =")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrations::MIGRATIONS;

    fn migrations() -> String {
        MIGRATIONS.map(|(_, sql)| sql).join("\n")
    }

    #[test]
    fn a_sharded_cluster_accepts_every_statement() {
        let migrations = migrations();
        let tenant = tenant_tables(&migrations);
        assert!(tenant.len() > 9, "{tenant:?}");
        for (name, sql) in crate::sql::all() {
            assert_eq!(refusal(name, sql, &tenant), None, "{name}: {sql}");
        }
    }

    #[test]
    fn refused_statements_are_found() {
        let tenant = ["credentials", "organizations"];
        for sql in [
            "select label from credentials where cred_id = $1",
            "delete from credentials where cred_id = any($1)",
            "select c.label from credentials c join organizations o on o.name = c.label where \
                 c.org_id = $1",
            "select c.label from credentials c left join organizations o on true where c.org_id = \
                 $1",
            "select 1 from credentials c where c.org_id = $1 and exists (select from \
                 organizations where name = '')",
            "update credentials set org_id = $2 where org_id = $1",
            "select c.label from credentials c where c.org_id = $1 and exists (select from \
                 organizations o where o.org_id = c.org_id)",
            "insert into credentials (org_id, cred_id) select * from unnest($1::uuid[], \
                 $2::uuid[])",
            "insert into credentials (cred_id, label) values ($1, $2)",
            "select cred_id from credentials where org_id = any($1) for update",
            "select set_config('strongroom.orgs', $1, true)",
            "select count(*) from credentials where org_id = $1 and tableoid = 'x'::regclass",
        ] {
            assert!(refusal("X", sql, &tenant).is_some(), "{sql}");
        }
        let nested = "select exists (select from organizations) as any";
        assert!(refusal("ORGANIZATIONS_EXIST", nested, &tenant).is_some());
        for sql in [
            "select label from credentials where org_id = $1",
            "insert into credentials (org_id) select org_id from unnest($1) returning org_id",
            "select c.label from credentials c join organizations o on o.org_id = c.org_id where \
                 c.org_id = $1",
        ] {
            assert_eq!(refusal("X", sql, &tenant), None, "{sql}");
        }
    }
}
