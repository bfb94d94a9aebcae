//! Finds migrations that a cluster sharded by `org_id` refuses. It relies on the style of this
//! repository's SQL, and does not parse it.

use crate::sql::shapes::{normalized, tenant_tables};

/// Why a sharded cluster would refuse the migrations.
pub(super) fn migration_refusal(migrations: &str) -> Option<String> {
    let comment = |line: &&str| !line.trim_start().starts_with("--");
    let lines: Vec<&str> = migrations.lines().filter(comment).collect();
    let text = lines.join("\n").to_lowercase();
    let tenant = tenant_tables(&text);
    for statement in statements(&text) {
        let words = normalized(&statement);
        let before = text.split(statement.as_str()).next().unwrap_or_default();
        // The workers receive the whole script, unless the statement is in a block.
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

// Blocks and functions are omitted, except for the tables and indexes that blocks create.
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
        return Some("a sequence does not order the rows of a sharded table");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::migrations::MIGRATIONS;

    #[test]
    fn a_sharded_cluster_accepts_every_migration() {
        assert_eq!(
            migration_refusal(&MIGRATIONS.map(|(_, sql)| sql).join("\n")),
            None
        );
    }

    #[test]
    fn refused_migrations_are_found() {
        let table = |columns: &str| {
            format!(
                "create table t (org_id uuid not null, {columns});\nselect \
                     strongroom_tenant_table('t');\n"
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
                "id uuid references other (org_id, id) on delete set null, primary key (org_id, \
                     id)",
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
