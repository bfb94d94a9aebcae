//! The rights of the servers' role, and whether row-level security applies to it.

use strongroom_storage::doctor::Inspection;
use strongroom_storage::doctor::access::{HeldRole, TenantTable};
use strongroom_storage::doctor::policies::Deviation;
use strongroom_storage::doctor::rights::{Lacking, Right};

use super::finding::{Finding, attempt, or_ok, unchecked};

const ROLE: &str = "role";
const MEMBERSHIP: &str = "role_membership";
/// Predefined roles of PostgreSQL whose rights exceed those of the servers.
const PRIVILEGED: [&str; 6] = [
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_maintain",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
];

/// All checks of the role on the primary, whose schema may be `newer` than this program.
pub(super) async fn findings(inspection: &Inspection, role: &str, newer: bool) -> Vec<Finding> {
    let (mut findings, privileged) = of_role(inspection, "database_url").await;
    // The tables' owner has every right: one finding is enough.
    if !privileged {
        findings.extend(attempt(
            "role_rights",
            inspection.excess_rights().await,
            |rights| excess(&rights, newer),
        ));
        findings.extend(attempt(
            "role_grants",
            inspection.lacking_rights().await,
            |lacking| missing(role, &lacking),
        ));
    }
    findings.extend(protection(inspection).await);
    findings
}

/// Whether row-level security applies to the role in `setting` and to the roles that it can become;
/// and whether one of them is a superuser or owns tables.
pub(super) async fn of_role(inspection: &Inspection, setting: &str) -> (Vec<Finding>, bool) {
    let roles = inspection.roles().await;
    let privileged = roles.as_ref().is_ok_and(|roles| {
        let strong = |role: &HeldRole| role.superuser || !role.tables.is_empty();
        roles.iter().any(strong)
    });
    let judged = attempt(ROLE, roles, |roles| bypassing(setting, &roles));
    (judged, privileged)
}

fn bypassing(setting: &str, roles: &[HeldRole]) -> Vec<Finding> {
    let Some(own) = roles.iter().find(|role| role.own).or(roles.first()) else {
        return vec![unchecked(ROLE, "the session has no role")];
    };
    let instead =
        format!("create a role with `strongroom migrate --app-role NAME`, and use it in {setting}");
    if own.superuser {
        let found = format!(
            "{} is a superuser: row-level security does not apply to it",
            own.name
        );
        return vec![Finding::failure(ROLE, found, instead).about(&own.name)];
    }
    let mut findings = Vec::new();
    for role in roles {
        for (what, remedy) in powers(role) {
            let finding = if role.own {
                let advice = remedy.unwrap_or_else(|| instead.clone());
                Finding::failure(ROLE, format!("{} {what}", own.name), advice)
            } else {
                Finding::failure(
                    MEMBERSHIP,
                    format!("{} can become {}, which {what}", own.name, role.name),
                    format!(
                        "remove it from that role: revoke \"{}\" from \"{}\"; or remove it from a \
                         role between them",
                        role.name, own.name
                    ),
                )
            };
            findings.push(finding.about(&role.name));
        }
    }
    or_ok(
        findings,
        ROLE,
        format!(
            "{} is bound by row-level security, and cannot become a role that is not",
            own.name
        ),
    )
}

// What lets a role bypass row-level security, with the statement against it if there is one.
fn powers(role: &HeldRole) -> Vec<(String, Option<String>)> {
    let alter = |attribute: &str| Some(format!("alter role \"{}\" {attribute};", role.name));
    let mut powers = Vec::new();
    if role.superuser {
        powers.push(("is a superuser".to_owned(), None));
    }
    if role.bypass_rls {
        powers.push(("has BYPASSRLS".to_owned(), alter("nobypassrls")));
    }
    if role.create_role {
        let what =
            "has CREATEROLE, with which it can become other roles, such as the tables' owner";
        powers.push((what.to_owned(), alter("nocreaterole")));
    }
    if role.replication {
        let what = "has REPLICATION, with which it can copy everything despite row-level security";
        powers.push((what.to_owned(), alter("noreplication")));
    }
    if !role.tables.is_empty() {
        let tables = role.tables.join(", ");
        let what = format!("owns tables, and can disable their row-level security: {tables}");
        powers.push((what, None));
    }
    if role.owns_schema {
        let what = "owns the schema public, and can drop or replace its objects";
        powers.push((what.to_owned(), None));
    }
    if role.owns_database {
        powers.push(("owns the database".to_owned(), None));
    }
    if PRIVILEGED.contains(&role.name.as_str()) {
        powers.push(("has rights beyond those of servers".to_owned(), None));
    }
    powers
}

fn excess(rights: &[Right], newer: bool) -> Vec<Finding> {
    let check = "role_rights";
    let findings = rights.iter().map(|right| {
        let Right {
            privilege,
            object,
            grantee,
            remedy,
            known,
        } = right;
        let found = format!("{grantee} has {privilege} on {object}, which servers must not have");
        if newer && !known {
            let advice = "nothing, if the newer version created it; check with that version";
            return Finding::warning(check, found, advice).about(object);
        }
        let advice = format!("run as the owner or a superuser: {remedy}");
        Finding::failure(check, found, advice).about(object)
    });
    or_ok(
        findings.collect(),
        check,
        "the role has no right beyond those that `strongroom migrate --app-role` grants",
    )
}

fn missing(role: &str, lacking: &[Lacking]) -> Vec<Finding> {
    let check = "role_grants";
    if lacking.is_empty() {
        let ok = "the role has every right that servers need";
        return vec![Finding::ok(check, ok)];
    }
    let right = |one: &Lacking| format!("{} on {}", one.privilege, one.object);
    let rights: Vec<_> = lacking.iter().map(right).collect();
    vec![Finding::failure(
        check,
        format!("{role} lacks {}", rights.join(", ")),
        format!("run as the tables' owner: strongroom migrate --app-role {role}"),
    )]
}

async fn protection(inspection: &Inspection) -> Vec<Finding> {
    let tables = match inspection.tenant_tables().await {
        Ok(tables) => tables,
        Err(error) => return vec![unchecked("row_level_security", &error.to_string())],
    };
    let mut findings = unprotected(&tables);
    let deviations = inspection.policy_deviations(&tables).await;
    findings.extend(attempt("policies", deviations, |found| deviating(&found)));
    findings
}

fn unprotected(tables: &[TenantTable]) -> Vec<Finding> {
    let check = "row_level_security";
    if tables.is_empty() {
        return vec![unchecked(check, "there are no tables")];
    }
    let findings = tables
        .iter()
        .filter(|table| !(table.enabled && table.forced))
        .map(|table| {
            let name = &table.name;
            let (what, statement) = match table.enabled {
                false => (
                    "is off",
                    "enable row level security, force row level security",
                ),
                true => ("does not bind the owner", "force row level security"),
            };
            Finding::failure(
                check,
                format!("row-level security of {name} {what}"),
                format!("run as the tables' owner: alter table {name} {statement};"),
            )
            .about(name)
        });
    let ok = format!(
        "on and forced on all {} tables and partitions",
        tables.len()
    );
    or_ok(findings.collect(), check, ok)
}

fn deviating(deviations: &[Deviation]) -> Vec<Finding> {
    let check = "policies";
    let findings = deviations.iter().map(|one| {
        let (table, policy) = (&one.table, &one.policy);
        let found = if one.missing {
            format!("{table} lacks its policy {policy}: servers cannot see its rows")
        } else {
            let what = match one.loosens {
                true => "show rows of other organizations",
                false => "hide rows from servers",
            };
            format!("the policy {policy} on {table} is not the migrations' own: it may {what}")
        };
        let advice = format!("run as the tables' owner: {}", one.remedy);
        Finding::failure(check, found, advice).about(table)
    });
    let ok = "every policy is as the migrations created it";
    or_ok(findings.collect(), check, ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    fn role(name: &str) -> HeldRole {
        HeldRole {
            name: name.into(),
            own: name == "app",
            ..HeldRole::default()
        }
    }

    #[test]
    fn each_power_of_the_role_is_a_failure() {
        type Change = fn(&mut HeldRole);
        let changes: [Change; 7] = [
            |role| role.superuser = true,
            |role| role.bypass_rls = true,
            |role| role.create_role = true,
            |role| role.replication = true,
            |role| role.tables = vec!["credentials".into()],
            |role| role.owns_schema = true,
            |role| role.owns_database = true,
        ];
        assert_eq!(
            bypassing("database_url", &[role("app")])[0].level,
            Level::Ok
        );
        for change in changes {
            let mut changed = role("app");
            change(&mut changed);
            let found = bypassing("database_url", &[changed]);
            assert_eq!((found.len(), found[0].level), (1, Level::Failure));
        }
    }

    #[test]
    fn roles_that_it_can_become_are_checked() {
        let mut owner = role("owner");
        owner.tables = vec!["credentials".into()];
        let found = bypassing(
            "database_url",
            &[role("app"), owner, role("pg_write_all_data")],
        );
        let checks: Vec<_> = found.iter().map(|one| (one.check, one.level)).collect();
        assert_eq!(checks, [(MEMBERSHIP, Level::Failure); 2]);
        assert!(
            found[0]
                .advice
                .as_ref()
                .unwrap()
                .contains("revoke \"owner\" from \"app\"")
        );
    }
}
