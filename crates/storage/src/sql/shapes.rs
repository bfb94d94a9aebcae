//! What a cluster sharded by `org_id` refuses, so that a statement or migration of such a shape fails here and not
//! there. It reads SQL as this crate writes it, and is no parser.

/// Tables that the migrations shard.
pub(super) fn tenant_tables(migrations: &str) -> Vec<&str> {
    let calls = migrations.split("select strongroom_tenant_table('").skip(1);
    let mut tables: Vec<&str> = calls.filter_map(|rest| rest.split('\'').next()).collect();
    // Partitions are sharded with their parent.
    tables.push("audit_events_default");
    tables
}

/// Statements that may visit every organization: the door for jobs.
const LISTINGS: [&str; 3] = [
    "ORGANIZATIONS",
    "ORGANIZATIONS_DELETED",
    "ROTATIONS_LISTING",
];

/// Why a sharded cluster would refuse a statement, or run it on every shard.
pub(super) fn refusal(name: &str, sql: &str, tenant: &[&str]) -> Option<&'static str> {
    let sql = tidied(sql);
    if sql.contains("set_config(") {
        return Some("set_config does not reach the workers: use set local");
    }
    if sql.contains("tableoid") {
        return Some("tableoid is a shard's there: name the partition");
    }
    if sql.starts_with("lock table ") || sql.contains("'::regclass") || LISTINGS.contains(&name) {
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
    match read.map(|(_, alias)| *alias).find(unbound) {
        Some(_) => Some("a table is read without an equality on its org_id"),
        None => None,
    }
}

fn tidied(sql: &str) -> String {
    let spaced = sql.replace('\n', " ").replace('(', "( ").replace(',', ", ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").replace("( ", "(").to_lowercase()
}

/// The verb before each mention of a tenant table, and what the table is called in the statement.
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

/// Whether the statement says which organization a table's rows are of.
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

fn assigns_org(sql: &str) -> bool {
    let set = sql.split(" set ").nth(1).unwrap_or_default();
    let set = set.split(" where ").next().unwrap_or_default();
    set.starts_with("org_id =") || set.contains(", org_id =")
}

/// Why a sharded cluster would refuse the migrations.
pub(super) fn migration_refusal(migrations: &str) -> Option<String> {
    let comment = |line: &&str| !line.trim_start().starts_with("--");
    let lines: Vec<&str> = migrations.lines().filter(comment).collect();
    let text = lines.join("\n").to_lowercase();
    let tenant = tenant_tables(&text);
    for statement in statements(&text) {
        let words = tidied(&statement);
        let before = text.split(statement.as_str()).next().unwrap_or_default();
        // What is sent to the workers is the whole script, unless the statement stands in a block.
        let sharded = tenant.iter().any(|table| {
            is_about(&words, table) && before.contains(&format!("tenant_table('{table}')"))
        });
        let why = match words.split(' ').next() {
            Some("create") => of_creation(&words, &tenant, sharded),
            Some("alter") if sharded => Some("a sharded table is altered outside a do block"),
            _ => None,
        };
        if let Some(why) = why {
            return Some(format!("{why}: {words}"));
        }
    }
    None
}

// Blocks and functions are left out, but for the tables and indexes that blocks make.
fn statements(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split("$$").collect();
    let mut all = String::new();
    for (at, part) in parts.iter().enumerate() {
        let inside = at % 2 == 1;
        let block = inside && parts[at - 1].trim_end().ends_with("do");
        match (inside, block) {
            (false, _) => all.push_str(part),
            (true, true) => {
                let indexes = part.split(';').map(|s| s.replace("begin", ""));
                let made = indexes.filter(|s| s.trim().starts_with("create"));
                all.push_str(&format!(
                    " block; {} ;",
                    made.map(|s| format!("{s} /*block*/;")).collect::<String>()
                ));
            }
            (true, false) => all.push_str(" body "),
        }
    }
    let split = all.split(';').map(|statement| statement.trim().to_owned());
    split.filter(|statement| !statement.is_empty()).collect()
}

fn is_about(words: &str, table: &str) -> bool {
    words.starts_with(&format!("alter table {table} ")) || words.contains(&format!(" on {table} "))
}

fn of_creation(words: &str, tenant: &[&str], sharded: bool) -> Option<&'static str> {
    let table = |table: &&&str| words.starts_with(&format!("create table {table} ("));
    let index = |table: &&&str| words.contains(&format!(" on {table} ("));
    if words.starts_with("create trigger") || words.starts_with("create constraint trigger") {
        return Some("triggers are not possible on a sharded table");
    }
    if words.starts_with("create table ")
        && words.contains("org_id")
        && !words.contains(" partition of ")
    {
        if tenant.iter().find(table).is_none() {
            return Some("a table with org_id is not given to strongroom_tenant_table");
        }
        return of_table(words);
    }
    if words.contains(" index ") && tenant.iter().any(|table| index(&table)) {
        if words.contains(" unique ") && !words.contains("(org_id") {
            return Some("a unique index begins with org_id");
        }
        if sharded && !words.contains("/*block*/") {
            return Some("an index on a sharded table is made outside a do block");
        }
    }
    if words.starts_with("create policy ") && words.contains("(select ") {
        return Some("a policy has a sub-select");
    }
    None
}

fn of_table(words: &str) -> Option<&'static str> {
    let keys = ["primary key", "unique"];
    let columns = |key: &str| {
        let mut all = words
            .match_indices(key)
            .map(|(at, _)| &words[at + key.len()..]);
        all.all(|rest| rest.starts_with(" (org_id"))
    };
    let single = words.contains("org_id uuid primary key");
    if !single && !keys.iter().all(|key| columns(key)) {
        return Some("a key does not begin with org_id");
    }
    let references = words.match_indices(" references ");
    for (at, _) in references {
        let target = words[at..].split('(').nth(1).unwrap_or_default();
        if !target.starts_with("org_id") || words[at..].contains("set null") {
            return Some("a foreign key begins with org_id, and sets nothing to null");
        }
    }
    if ["serial", "identity", "nextval"]
        .iter()
        .any(|made| words.contains(made))
    {
        return Some("numbers of a sequence are no order of a sharded table");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrate::MIGRATIONS;

    fn migrations() -> String {
        MIGRATIONS.map(|(_, sql)| sql).join("\n")
    }

    #[test]
    fn no_statement_has_a_shape_that_a_sharded_cluster_refuses() {
        let migrations = migrations();
        let tenant = tenant_tables(&migrations);
        assert!(tenant.len() > 9, "{tenant:?}");
        for (name, sql) in crate::sql::all() {
            assert_eq!(refusal(name, sql, &tenant), None, "{name}: {sql}");
        }
    }

    #[test]
    fn no_migration_has_one_either() {
        assert_eq!(migration_refusal(&migrations()), None);
    }

    #[test]
    fn each_shape_of_a_statement_is_refused() {
        let tenant = ["credentials", "organizations"];
        for sql in [
            "select label from credentials where cred_id = $1",
            "delete from credentials where cred_id = any($1)",
            "select c.label from credentials c join organizations o on o.name = c.label where c.org_id = $1",
            "select c.label from credentials c left join organizations o on true where c.org_id = $1",
            "select 1 from credentials c where c.org_id = $1 and exists (select from organizations where name = '')",
            "update credentials set org_id = $2 where org_id = $1",
            "insert into credentials (org_id, cred_id) select * from unnest($1::uuid[], $2::uuid[])",
            "insert into credentials (cred_id, label) values ($1, $2)",
            "select cred_id from credentials where org_id = any($1) for update",
            "select set_config('strongroom.orgs', $1, true)",
            "select count(*) from credentials where org_id = $1 and tableoid = 'x'::regclass",
        ] {
            assert!(refusal("X", sql, &tenant).is_some(), "{sql}");
        }
        for sql in [
            "select label from credentials where org_id = $1",
            "insert into credentials (org_id) select org_id from unnest($1) returning org_id",
            "select c.label from credentials c join organizations o on o.org_id = c.org_id where c.org_id = $1",
        ] {
            assert_eq!(refusal("X", sql, &tenant), None, "{sql}");
        }
    }

    #[test]
    fn each_shape_of_a_migration_is_refused() {
        let table = |columns: &str| {
            format!(
                "create table t (org_id uuid not null, {columns});\nselect strongroom_tenant_table('t');\n"
            )
        };
        let good = table("id uuid, primary key (org_id, id)");
        assert_eq!(migration_refusal(&good), None);
        let block =
            "do $$\nbegin\n alter table t add column x text;\n create index i on t (x);\nend\n$$;";
        assert_eq!(migration_refusal(&format!("{good}{block}")), None);
        for bad in [
            "create table t (org_id uuid not null, id uuid)".to_owned(),
            table("id uuid primary key"),
            table("id uuid, primary key (id, org_id)"),
            table("id uuid, primary key (org_id, id), unique (id)"),
            table("id uuid references other (id), primary key (org_id, id)"),
            table(
                "id uuid references other (org_id, id) on delete set null, primary key (org_id, id)",
            ),
            table("id bigserial, primary key (org_id, id)"),
            format!("{good}alter table t add column x text;"),
            format!("{good}create index i on t (x);"),
            format!("{good}do $$ begin create unique index i on t (x); end $$;"),
            format!("{good}create trigger x after insert on t for each row execute function f();"),
            format!("{good}create policy p on t using (org_id in (select org_id from s));"),
        ] {
            assert!(migration_refusal(&bad).is_some(), "{bad}");
        }
    }
}
