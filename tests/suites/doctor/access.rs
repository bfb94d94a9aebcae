//! Checks of roles, rights and policies.

use strongroom_e2e::Database;

use super::{Diagnosis, Patient, text};

/// Executes the doctor's advice on failures of `check`.
async fn follow_advice(patient: &Patient, diagnosis: &Diagnosis, check: &str) {
    let failures = diagnosis.of_level("failure");
    for failure in failures.iter().filter(|failure| failure["check"] == check) {
        let (_, sql) = text(failure, "advice").split_once(": ").unwrap();
        patient.sql(sql).await;
    }
}

#[tokio::test]
async fn a_superuser_the_owner_and_who_can_become_it_are_refused() {
    let patient = Patient::on(Database::create_unsharded().await);
    let name = patient.database.name.clone();
    let superuser =
        patient.examine_with(&[("STRONGROOM_DATABASE_URL", &patient.database.superuser_url())]);
    let advice = superuser.says("role", "failure", "postgres is a superuser");
    assert!(advice.contains("strongroom migrate --app-role"));
    let roles = ["owner", "member", "bypass", "maker"].map(|role| format!("{name}_{role}"));
    let [owner, member, bypass, maker] = &roles;
    patient
        .sql(&format!(
            "create role {owner} login password 'p'; \
             create role {member} login noinherit password 'p'; \
             create role {bypass} login bypassrls password 'p'; \
             create role {maker} login createrole password 'p'; \
             grant {owner} to {member}; grant strongroom_app to {member}; \
             alter table credentials owner to {owner}; grant select on root_keys to {owner}"
        ))
        .await;
    let examine = |role: &str| {
        let url = patient.database.url_as(role, "p");
        patient.examine_with(&[("STRONGROOM_DATABASE_URL", &url)])
    };
    examine(owner).says("role", "failure", "owns tables");
    let found = examine(member);
    let words = format!("{member} can become {owner}");
    let advice = found.says("role_membership", "failure", &words);
    assert!(advice.contains(&format!("revoke \"{owner}\" from \"{member}\"")));
    let advice = examine(bypass);
    let advice = advice.says("role", "failure", "has BYPASSRLS");
    assert_eq!(advice, format!("alter role \"{bypass}\" nobypassrls;"));
    examine(maker).says("role", "failure", "has CREATEROLE");
    patient
        .sql(&format!(
            "grant pg_write_all_data to {bypass}; alter role {bypass} nobypassrls"
        ))
        .await;
    examine(bypass).says("role_membership", "failure", "pg_write_all_data");
    // The servers' own role has no failure.
    assert!(patient.examine().of_level("failure").is_empty());
    patient
        .sql(&format!(
            "alter table credentials owner to postgres; \
             drop owned by {owner}, {member}, {bypass}, {maker}; \
             drop role {owner}, {member}, {bypass}, {maker}"
        ))
        .await;
}

#[tokio::test]
async fn rights_beyond_those_of_servers_are_found_and_the_advice_takes_them_away() {
    let patient = Patient::on(Database::create_unsharded().await);
    patient
        .sql(
            "grant truncate on credentials to strongroom_app; \
             grant update on audit_events to public; \
             grant update (parent_id) on organizations to strongroom_app; \
             grant create on schema public to public; \
             grant select on audit_events_default to strongroom_app; \
             create schema other; create view other.all_keys as select * from org_keys; \
             grant select on other.all_keys to strongroom_app; \
             create function back_door() returns void language sql security definer as ''",
        )
        .await;
    let found = patient.examine();
    for (subject, advice) in [
        (
            "credentials",
            "revoke TRUNCATE on credentials from strongroom_app;",
        ),
        ("audit_events", "revoke UPDATE on audit_events from public;"),
        (
            "organizations.parent_id",
            "revoke UPDATE (\"parent_id\") on organizations from strongroom_app;",
        ),
        (
            "schema public",
            "revoke CREATE on schema public from public;",
        ),
        (
            "audit_events_default",
            "revoke SELECT on audit_events_default from strongroom_app;",
        ),
        (
            "other.all_keys",
            "revoke SELECT on other.all_keys from strongroom_app;",
        ),
        (
            "back_door()",
            "revoke EXECUTE on function back_door() from public;",
        ),
    ] {
        let said = found.says("role_rights", "failure", subject);
        assert!(said.ends_with(advice), "{said}");
    }
    assert_eq!(found.of_level("failure").len(), 7);
    follow_advice(&patient, &found, "role_rights").await;
    patient.examine().is_healthy();
}

#[tokio::test]
async fn rights_that_servers_lack_are_found() {
    let patient = Patient::new().await;
    patient
        .sql(
            "revoke insert on audit_events from strongroom_app; \
             revoke update (digest) on api_keys from strongroom_app",
        )
        .await;
    let found = patient.examine();
    let advice = found.says("role_grants", "failure", "INSERT on audit_events");
    assert!(advice.contains("strongroom migrate --app-role strongroom_app"));
    found.says("role_grants", "failure", "UPDATE on api_keys.digest");
    patient
        .sql("revoke usage on schema public from strongroom_app, public")
        .await;
    patient
        .examine()
        .says("role_grants", "failure", "USAGE on schema public");
}

#[tokio::test]
async fn row_level_security_and_policies_are_checked_and_the_advice_restores_them() {
    let patient = Patient::on(Database::create_unsharded().await);
    patient
        .sql(
            "alter table credentials disable row level security; \
             alter table audit_events_default no force row level security; \
             drop policy tenant on api_keys; drop policy tenant on rotations; \
             create policy tenant on rotations using (true); \
             create policy \"back door\" on org_keys for select to strongroom_app \
               using (org_id is not null); \
             alter policy listing on organizations using (true)",
        )
        .await;
    let found = patient.examine();
    let advice = found.says("row_level_security", "failure", "of credentials is off");
    assert!(advice.contains("alter table credentials enable row level security"));
    found.says(
        "row_level_security",
        "failure",
        "audit_events_default does not bind the owner",
    );
    let advice = found.says("policies", "failure", "api_keys lacks its policy tenant");
    assert!(advice.contains("create policy tenant on api_keys"));
    let advice = found.says("policies", "failure", "the policy back door on org_keys");
    assert!(advice.ends_with("drop policy \"back door\" on org_keys;"));
    found.says(
        "policies",
        "failure",
        "the policy tenant on rotations is not the migrations' own: it may show rows of other",
    );
    found.says("policies", "failure", "the policy listing on organizations");
    assert_eq!(found.of_level("failure").len(), 6);
    patient
        .sql("create policy tight on key_uses as restrictive using (false)")
        .await;
    let found = patient.examine();
    found.says(
        "policies",
        "failure",
        "the policy tight on key_uses is not the migrations' own: it may hide",
    );
    follow_advice(&patient, &found, "row_level_security").await;
    follow_advice(&patient, &found, "policies").await;
    patient.examine().is_healthy();
}

#[tokio::test]
async fn sessions_that_begin_with_a_scope_are_found() {
    let patient = Patient::new().await;
    let name = &patient.database.name;
    patient
        .sql(&format!("alter database {name} set strongroom.orgs = '*'"))
        .await;
    let found = patient.examine();
    let advice = found.says("session_scope", "failure", "strongroom.orgs");
    assert!(advice.contains("reset strongroom.orgs"));
}
