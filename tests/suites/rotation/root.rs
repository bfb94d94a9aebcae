//! Rotation of the root key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use strongroom_e2e::TestVault;
use tempfile::TempDir;

use super::count;
use super::load::{Load, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_root_key_is_replaced_under_load() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let _others: Vec<_> = (0..3)
        .map(|at| vault.new_organization(&format!("org {at}")))
        .collect();
    let load = Load::start(&[vault.admin.clone(), vault.admin.at(&second.url())]);
    for _ in 0..2 {
        let rotated = vault.run(&["rotate", "root", "--json"]).json();
        // The keys of four organizations, and the service keys.
        assert!(rotated["rows"].as_i64().unwrap() > 4, "{rotated}");
    }
    load.finish(&vault.admin).await;

    let checked = vault.run(&["root-key", "check", "--json"]).json();
    let keys = checked.as_array().unwrap().iter();
    let states: Vec<_> = keys.map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["unneeded", "unneeded", "active"]);
    let sql = "select count(distinct root_key_id) from org_keys";
    assert_eq!(count(&vault, sql).await, 1);
    the_newest_root_key_is_sufficient(&vault).await;
}

async fn the_newest_root_key_is_sufficient(vault: &TestVault) {
    let file = fs::read_to_string(vault.root_key_file()).unwrap();
    let newest = file.lines().last().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("newest.key");
    fs::write(&path, newest).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let third = vault.start_server(&[("STRONGROOM_ROOT_KEY_FILE", path.to_str().unwrap())]);
    vault.ready(&third.url()).await;
    let id = vault.admin.create("after").await;
    assert_eq!(secret_of(&vault.admin.at(&third.url()), &id).await, "after");
}

/// Appends the content of the file `new` to `file`.
fn append(new: &str, file: &str) {
    let text = fs::read_to_string(file).unwrap() + &fs::read_to_string(new).unwrap();
    fs::write(file, text).unwrap();
}

#[tokio::test]
async fn a_root_key_becomes_active_only_when_every_server_holds_it() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (own, new) = (path("own.key"), path("new.key"));
    fs::copy(vault.root_key_file(), &own).unwrap();
    let second = vault.start_server(&[("STRONGROOM_ROOT_KEY_FILE", &own)]);
    vault.ready(&second.url()).await;

    let prepare = ["rotate", "root", "--prepare", "--output", &new, "--json"];
    let prepared = vault.run(&prepare).json();
    let id = prepared["root_key_id"].as_str().unwrap();
    let again = vault.run(&["rotate", "root", "--prepare"]);
    again.assert_refused(id);
    vault.run(&["rotate", "root"]).assert_refused(id);

    append(&new, &vault.root_key_file());
    let lacking = vault.run(&["rotate", "root"]);
    lacking.assert_refused(id);
    lacking.assert_refused(&format!("process {}", second.pid()));

    append(&new, &own);
    let rotated = vault.run(&["rotate", "root", "--json"]).json();
    assert_eq!(rotated["root_key_id"], id);
    let other = vault.admin.at(&second.url());
    other.create("at the other server").await;
}

#[tokio::test]
async fn a_damaged_organization_key_does_not_keep_the_others_from_the_new_root_key() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let id = vault.admin.create("kept").await;
    let database = vault.database.connect().await;
    // Executed twice, it restores the value.
    let damage = "update org_keys \
                  set wrapped_key = set_byte(wrapped_key, 20, 255 - get_byte(wrapped_key, 20)) \
                  where org_id = $1::text::uuid";
    database.execute(damage, &[&other.org]).await.unwrap();
    let rotated = vault.run(&["rotate", "root"]);
    rotated.assert_refused("1 organizations cannot");
    let behind = "select count(*) from org_keys k join root_keys r using (root_key_id) \
                  where r.state <> 'active'";
    assert_eq!(count(&vault, behind).await, 1);
    let superseded = "select count(*) from root_keys where state = 'superseded'";
    assert_eq!(
        count(&vault, superseded).await,
        1,
        "the old root key is still needed"
    );
    assert_eq!(secret_of(&vault.admin, &id).await, "kept");

    database.execute(damage, &[&other.org]).await.unwrap();
    assert!(vault.run(&["rotate", "root"]).success);
    assert_eq!(count(&vault, behind).await, 0);
    assert_eq!(count(&vault, superseded).await, 0);
}
