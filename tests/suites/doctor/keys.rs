//! Checks of root keys, rotations and servers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use strongroom_e2e::run;

use super::Patient;

#[tokio::test]
async fn a_missing_file_a_readable_file_and_an_open_folder_are_found() {
    let patient = Patient::new().await;
    let missing = patient.path("gone.key");
    let found = patient.examine_with(&[("STRONGROOM_ROOT_KEY_FILE", &missing)]);
    let advice = found.says("root_key_source", "failure", &missing);
    assert!(advice.contains(&missing));
    found.says("root_keys", "failure", "is missing");
    let file = patient.root_key();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    patient
        .examine()
        .says("root_key_source", "failure", &format!("chmod 600 {file}"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(patient.folder.path(), Permissions::from_mode(0o777)).unwrap();
    let found = patient.examine();
    found.is_healthy();
    let advice = found.says("root_key_source", "warning", "others can write");
    assert!(advice.starts_with("chmod go-w "));
}

#[tokio::test]
async fn a_wrong_root_key_is_missing_and_a_stranger() {
    let patient = Patient::new().await;
    let other = patient.path("other.key");
    assert!(run(&["root-key", "new", "--output", &other], &[]).success);
    let id = |file: &str| {
        let text = fs::read_to_string(file).unwrap();
        text.split(':').nth(2).unwrap().to_owned()
    };
    let found = patient.examine_with(&[("STRONGROOM_ROOT_KEY_FILE", &other)]);
    let needed = id(&patient.root_key());
    let advice = found.says(
        "root_keys",
        "failure",
        &format!("root key {needed} (active) is missing"),
    );
    assert!(advice.contains(&needed));
    found.says("root_keys", "note", &id(&other));
    // Now the database was written with another key of the same id.
    let change = "update root_keys \
         set check_value = set_byte(check_value, 0, 1 + get_byte(check_value, 0) % 255)";
    patient.sql(change).await;
    patient.examine().says("root_keys", "failure", "is wrong");
}

#[tokio::test]
async fn a_rotation_that_stands_still_is_found() {
    let patient = Patient::new().await;
    patient
        .sql(
            "insert into rotations (org_id, generation, re_encrypt, state, \
               rows_total, rows_done, started_at, updated_at) \
             select org_id, 2, false, 'running', 9, 4, \
               now() - interval '1 day', now() - interval '1 hour' from organizations",
        )
        .await;
    let found = patient.examine();
    found.is_healthy();
    let advice = found.says(
        "rotations",
        "warning",
        "has made no progress for 60 minutes, at 4 of 9",
    );
    assert!(advice.contains("strongroom rotate org "));
}

#[tokio::test]
async fn a_server_without_the_active_root_key_is_found() {
    let patient = Patient::new().await;
    patient
        .sql(
            "insert into servers (server_id, name, started_at, seen_at, root_keys) \
             values (gen_random_uuid(), 'lonely', now(), now(), '{}')",
        )
        .await;
    let found = patient.examine();
    let advice = found.says("servers", "warning", "lonely does not hold root key");
    assert!(advice.contains("root_key_file"));
    found.says("scrub", "note", "no server verifies");
}
