//! Entity tags of rows that are written without one, and across rotations.

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};

/// The tag and the time of the last change, as the list and as a reveal shows them.
async fn shown(api: &Api, id: &str) -> [Value; 4] {
    let listed = api.list().await;
    let listed = listed.iter().find(|one| one["external_cred_id"] == *id);
    let revealed: Value = api.reveal(id).await.json().await.unwrap();
    let (listed, revealed) = (listed.unwrap(), &revealed["result"]);
    ["etag", "updated_at"]
        .map(|name| [listed[name].clone(), revealed[name].clone()])
        .concat()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn a_list_computes_the_tags_that_rows_lack() {
    let vault = TestVault::start_unsharded().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let first = shown(api, &id).await;
    assert_eq!(first[0], first[1]);
    let database = vault.database.connect().await;
    let set = async |etag: &str| {
        let sql = format!("update credentials set etag = {etag}");
        database.batch_execute(&sql).await.unwrap();
    };
    // As a restore writes rows, and as a server of an earlier version changes them.
    set("null").await;
    assert_eq!(shown(api, &id).await, first);
    set("int8send(7) || int8send(7)").await;
    assert_eq!(shown(api, &id).await, first);
    // A tag that was altered shows, and lets no write through.
    set("int8send(1) || int8send(7)").await;
    let altered = shown(api, &id).await;
    assert_ne!(altered[0], first[0]);
    assert_eq!(altered[1], first[0]);
    let path = format!("{}/{id}", strongroom_e2e::CREDENTIALS);
    let request = api.request(reqwest::Method::PATCH, &path);
    let request = request.header("If-Match", altered[0].as_str().unwrap());
    let answer = request.json(&json!({"extcred_label": "a"})).send().await;
    assert_eq!(answer.unwrap().status(), 412);
}

#[tokio::test]
async fn a_rotation_changes_no_time_and_the_tag_only_with_the_seal() {
    let vault = TestVault::start().await;
    let (api, org) = (&vault.admin, vault.admin.org.as_str());
    let id = api.create("secret").await;
    let first = shown(api, &id).await;
    vault.run(&["rotate", "org", "--org", org]).assert_success();
    assert_eq!(shown(api, &id).await, first);
    let again = ["rotate", "org", "--org", org, "--re-encrypt"];
    vault.run(&again).assert_success();
    let second = shown(api, &id).await;
    assert_ne!(second[0], first[0]);
    assert_eq!(second[0], second[1]);
    assert_eq!(second[2..], first[2..]);
}
