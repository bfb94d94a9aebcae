use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};

use super::user::{User, mode};

fn ids(listed: &Value) -> Vec<&str> {
    let listed = listed.as_array().unwrap().iter();
    listed.map(|one| one["org_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_caller_creates_organizations_and_acts_in_them() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let user = User::of(&root);
    let made = user
        .run(&["org", "create", "--name", "one", "--json"])
        .json();
    let (one, key) = (
        made["id"].as_str().unwrap(),
        made["api_key"].as_str().unwrap(),
    );
    let child = Api::new(&root.url, one, key);
    assert!(child.list().await.is_empty());
    // The key goes into a file, and nowhere else. The name may stand alone.
    let file = user.path("key");
    let deeper = [
        "org", "create", "two", "--org", one, "--output", &file, "--json",
    ];
    let deep = user.run(&deeper);
    let made = deep.json();
    let two = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["parent_id"], &made["file"]),
        (&json!(one), &json!(file))
    );
    let key = fs::read_to_string(&file).unwrap();
    assert_eq!(mode(Path::new(&file)), 0o600);
    assert!(!(deep.stdout + &deep.stderr).contains(key.trim()));
    let login = [
        "login",
        "--url",
        &root.url,
        "--org",
        two,
        "--key-file",
        &file,
    ];
    user.run(&[&login[..], &["--profile", "two"]].concat())
        .assert_success();
    user.run(&deeper).assert_refused("exists already");
}

#[tokio::test]
async fn a_caller_acts_in_descendants() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let user = User::of(&root);
    let child = root.new_suborganization("one").await;
    let grandchild = root.acting_in(&child.org).new_suborganization("two").await;
    let (one, two) = (child.org.as_str(), grandchild.org.as_str());
    let listed = user.run(&["org", "list", "--json"]).json();
    assert_eq!(ids(&listed), [root.org.as_str(), one, two]);
    assert_eq!(listed[0]["name"], "test");
    let named = ["org", "list", "--filter", "name eq \"two\"", "--json"];
    assert_eq!(ids(&user.run(&named).json()), [two]);
    user.run(&["org", "list", "--org", two])
        .assert_prints("two");
    let wrong = user.run(&["org", "list", "--filter", "x"]);
    wrong.assert_refused("status 400");
    // Commands about credentials act there as well, with the root's key.
    let in_two = [
        "credential",
        "create",
        "--provider",
        "generic",
        "--type",
        "api_key",
    ];
    let create = [&in_two[..], &["--org", two]].concat();
    user.run_with(&create, r#"{"api_key":"x"}"#, &[])
        .assert_success();
    let list = ["credential", "list", "--json"];
    assert_eq!(user.run(&list).json(), json!([]));
    let own = user.run(&[&list[..], &["--org", two]].concat()).json();
    assert_eq!(own[0]["organization_id"], two);
    let (_, stranger) = vault.new_organization("other");
    let foreign = user.run(&["org", "list", "--org", &stranger.org]);
    foreign.assert_refused("status 401");
}

#[tokio::test]
async fn a_deletion_is_confirmed_by_the_name_and_can_be_undone() {
    let vault = TestVault::start().await;
    let root = vault.root();
    let user = User::of(&root);
    let one = root.new_suborganization("one").await;
    let two = root.acting_in(&one.org).new_suborganization("two").await;
    let delete = ["org", "delete", "--org", &one.org];
    let blind = user.run(&delete);
    blind.assert_refused("--yes");
    assert_eq!(blind.code, Some(2));
    let not_a_leaf = user.run(&[&delete[..], &["--yes"]].concat());
    not_a_leaf.assert_refused("status 409");
    let subtree = format!("org delete --org {} --suborganizations", one.org);
    let wrong = user.run_on_terminal(&subtree, "eno\n", &[]);
    assert!(wrong.stdout.contains("(one)"), "{}", wrong.stdout);
    assert!(
        wrong.stdout.contains("nothing was changed"),
        "{}",
        wrong.stdout
    );
    assert_eq!(wrong.code, Some(1));
    let right = user.run_on_terminal(&subtree, "one\n", &[]);
    assert!(right.success, "{}", right.stdout);
    let listed = || user.run(&["org", "list", "--json"]).json();
    assert_eq!(ids(&listed()), [root.org.as_str()]);
    let restore = |org: &str| user.run(&["org", "restore", "--org", org]);
    restore(&two.org).assert_refused("status 409");
    restore(&one.org).assert_success();
    restore(&two.org).assert_success();
    restore(&two.org).assert_refused("status 404");
    assert_eq!(ids(&listed()).len(), 3);
    let scripted = [&delete[..], &["--suborganizations", "--yes", "--json"]].concat();
    assert_eq!(user.run(&scripted).json()["deleted"], true);
    assert_eq!(ids(&listed()), [root.org.as_str()]);
}
