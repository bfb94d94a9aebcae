//! Compares row-level policies with those of the migrations.

/// A row-level policy of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) table: String,
    pub(super) name: String,
    pub(super) permissive: bool,
    /// `*` for all commands, `r` for SELECT.
    pub(super) command: String,
    /// Whether it applies to every role.
    pub(super) everyone: bool,
    pub(super) using: Option<String>,
    pub(super) check: Option<String>,
}

/// A difference between a table's policies and those of the migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The table.
    pub table: String,
    /// The policy.
    pub policy: String,
    /// Whether the policy is missing.
    pub missing: bool,
    /// Whether it may admit rows outside the scope.
    pub loosens: bool,
    /// The statements that correct it, to be run by the table's owner.
    pub remedy: String,
}

/// The expression of the policy that `strongroom_protect` creates, as PostgreSQL prints it.
const TENANT: &str = "((org_id = ANY (( SELECT (string_to_array(rtrim(NULLIF(current_setting(\
    'strongroom.orgs'::text, true), '*'::text), ','::text), ','::text))::uuid[] \
    AS orgs)::uuid[])) IS TRUE)";
/// The expression on a sharded cluster.
const TENANT_SHARDED: &str =
    "(split_part(current_setting('strongroom.orgs'::text, true), (org_id)::text, 2) <> ''::text)";
const LISTING: &str = "(current_setting('strongroom.orgs'::text, true) = '*'::text)";
/// Tables whose rows jobs list across organizations.
const LISTED: [&str; 2] = ["organizations", "rotations"];

/// The table whose rows an organization also sees as an ancestor.
const ANCESTORS: &str = "organization_ancestors";

fn tenant(table: &str, sharded: bool) -> Policy {
    let using = if sharded { TENANT_SHARDED } else { TENANT };
    Policy {
        table: table.to_owned(),
        name: "tenant".into(),
        permissive: true,
        command: "*".into(),
        everyone: true,
        using: Some(using.into()),
        check: None,
    }
}

fn listing(table: &str, sharded: bool) -> Policy {
    Policy {
        name: "listing".into(),
        command: "r".into(),
        using: Some(LISTING.into()),
        ..tenant(table, sharded)
    }
}

/// An organization also sees the rows that make it an ancestor.
fn descendants(table: &str, sharded: bool) -> Policy {
    let same = tenant(table, sharded);
    let using = same
        .using
        .map(|using| using.replace("org_id", "ancestor_id"));
    Policy {
        name: "descendants".into(),
        command: "r".into(),
        using,
        ..tenant(table, sharded)
    }
}

/// The statement that creates `policy`.
fn creation(policy: &Policy) -> String {
    let (name, table) = (&policy.name, &policy.table);
    let command = if policy.command == "r" {
        "for select "
    } else {
        ""
    };
    let expression = policy.using.as_deref().unwrap_or_default();
    format!("create policy {name} on {table} {command}using {expression};")
}

pub(super) fn deviations(tables: &[&str], policies: &[Policy], sharded: bool) -> Vec<Deviation> {
    let tenants = tables.iter().map(|table| tenant(table, sharded));
    let mut expected: Vec<Policy> = tenants.collect();
    let listed = LISTED.iter().filter(|table| tables.contains(*table));
    expected.extend(listed.map(|table| listing(table, sharded)));
    let ancestors = tables.iter().find(|table| **table == ANCESTORS);
    expected.extend(ancestors.map(|table| descendants(table, sharded)));
    let found = |wanted: &Policy| {
        let same =
            |policy: &&Policy| (&policy.table, &policy.name) == (&wanted.table, &wanted.name);
        policies.iter().find(same)
    };
    let mut deviations = Vec::new();
    for wanted in &expected {
        match found(wanted) {
            None => deviations.push(of(wanted, true, creation(wanted))),
            Some(policy) if policy != wanted => {
                let drop = format!("drop policy {} on {};", wanted.name, wanted.table);
                deviations.push(of(policy, false, format!("{drop} {}", creation(wanted))));
            }
            Some(_) => {}
        }
    }
    let known = |policy: &Policy| {
        let same = |one: &Policy| (&one.table, &one.name) == (&policy.table, &policy.name);
        expected.iter().any(same)
    };
    for policy in policies.iter().filter(|policy| !known(policy)) {
        let remedy = format!("drop policy {} on {};", quoted(&policy.name), policy.table);
        deviations.push(of(policy, false, remedy));
    }
    deviations
}

// A restrictive or missing policy hides rows; it does not admit any.
fn of(policy: &Policy, missing: bool, remedy: String) -> Deviation {
    Deviation {
        table: policy.table.clone(),
        policy: policy.name.clone(),
        missing,
        loosens: !missing && policy.permissive,
        remedy,
    }
}

fn quoted(name: &str) -> String {
    crate::quote::quote_ident(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_the_migrations_do_not_deviate() {
        let policies = [
            tenant("credentials", false),
            tenant("rotations", false),
            listing("rotations", false),
        ];
        assert_eq!(
            deviations(&["credentials", "rotations"], &policies, false),
            []
        );
    }

    #[test]
    fn missing_changed_and_unknown_policies_deviate() {
        let loose = Policy {
            using: Some("true".into()),
            ..tenant("credentials", false)
        };
        let further = Policy {
            name: "back door".into(),
            ..tenant("org_keys", false)
        };
        let found = deviations(
            &["api_keys", "credentials", "org_keys"],
            &[loose, tenant("org_keys", false), further],
            false,
        );
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.table.as_str(), one.missing, one.loosens))
            .collect();
        assert_eq!(
            shown,
            [
                ("api_keys", true, false),
                ("credentials", false, true),
                ("org_keys", false, true),
            ]
        );
        assert!(
            found[1]
                .remedy
                .starts_with("drop policy tenant on credentials; create policy tenant on")
        );
        assert_eq!(found[2].remedy, "drop policy \"back door\" on org_keys;");
    }
}
