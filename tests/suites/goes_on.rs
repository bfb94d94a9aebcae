//! Commands over all organizations go on after one of them failed.

use serde_json::Value;
use strongroom_e2e::TestVault;

/// A vault with four organizations and one credential each, whose second one has a damaged row.
async fn with_a_damaged_row() -> (TestVault, Vec<String>) {
    let vault = TestVault::start_with(&[]).await;
    let mut orgs = vec![vault.admin.org.clone()];
    vault.admin.create("k").await;
    for name in ["second", "third", "fourth"] {
        let (api, _) = vault.new_organization(name);
        api.create("k").await;
        orgs.push(api.org.clone());
    }
    let database = vault.database.connect().await;
    let damage = "update credentials set wrapped_key = set_byte(wrapped_key, 20, \
                  get_byte(wrapped_key, 20) # 1) where org_id = $1::text::uuid";
    database.execute(damage, &[&orgs[1]]).await.unwrap();
    (vault, orgs)
}

#[tokio::test]
async fn a_rotation_of_all_organizations_goes_on_after_a_damaged_row() {
    let (vault, orgs) = with_a_damaged_row().await;
    let rotated = vault.run(&["rotate", "org", "--all", "--json"]);
    rotated.assert_refused("1 organization not rotated completely");
    let results: Vec<Value> = serde_json::from_str(&rotated.stdout).unwrap();
    let state = |org: &String| {
        let result = results.iter().find(|result| result["org_id"] == **org);
        result.unwrap()["state"].as_str().unwrap().to_owned()
    };
    let states: Vec<String> = orgs.iter().map(state).collect();
    assert_eq!(states, ["done", "failed", "done", "done"]);
    let errors = results.iter().filter_map(|result| result["error"].as_str());
    let errors: Vec<&str> = errors.collect();
    assert!(
        errors[0].contains("1 credentials cannot be moved"),
        "{errors:?}"
    );
    // The damaged row is logged once, not at each pass.
    let logged = rotated.stderr.matches("a credential cannot be re-wrapped");
    assert_eq!(logged.count(), 1, "{}", rotated.stderr);

    let org = ["rotate", "org", "--org", &orgs[1], "--re-encrypt", "--json"];
    let again = vault.run(&org);
    let result: Value = serde_json::from_str(&again.stdout).unwrap();
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with("nothing was re-encrypted"), "{error}");
}

#[tokio::test]
async fn a_command_that_fails_prints_json_as_well() {
    let vault = TestVault::start_with(&[]).await;
    let nowhere = "01a1fff6-ce92-78a4-a9be-4763d307167c";
    let args = ["key", "list", "--org", nowhere, "--json"];
    let failed = vault.run(&args);
    failed.assert_refused("there is no organization");
    let printed: Value = serde_json::from_str(&failed.stdout).unwrap();
    let error = printed["errors"][0].as_str().unwrap();
    assert!(error.contains("there is no organization"), "{error}");
}
