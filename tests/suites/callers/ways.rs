use strongroom_e2e::{Finished, TestVault, run};

use super::user::User;

const USAGE: Option<i32> = Some(2);

/// Runs `strongroom` as a user who has the vault's database as well.
fn run_as_both(user: &User, vault: &TestVault, args: &[&str]) -> Finished {
    let (database, root_key) = (vault.database.superuser_url(), vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", database.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", root_key.as_str()),
    ];
    user.run_with(args, "", &variables)
}

#[tokio::test]
async fn a_profile_that_is_named_goes_before_the_database() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.member);
    vault.admin.create("x").await;
    let list = ["credential", "list", "--json"];
    // The operator's command requires the organization.
    let operator = run_as_both(&user, &vault, &list);
    operator.assert_refused("--org ORG_ID is required");
    assert_eq!(operator.code, USAGE);
    let org = ["--org", vault.admin.org.as_str()];
    let by_operator = run_as_both(&user, &vault, &[&list[..], &org].concat()).json();
    let named = [&list[..], &["--profile", "default"]].concat();
    assert_eq!(run_as_both(&user, &vault, &named).json(), by_operator);
    assert_eq!(user.run(&list).json(), by_operator);
    // Credentials are created, read and deleted over HTTP alone.
    let get = [
        "credential",
        "get",
        by_operator[0]["external_cred_id"].as_str().unwrap(),
    ];
    run_as_both(&user, &vault, &get).assert_refused("403");
}

#[tokio::test]
async fn flags_of_the_other_way_are_refused_by_name() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let org = vault.admin.org.as_str();
    for (args, flag) in [
        (
            &["credential", "list", "--database-url", "postgresql://h/d"][..],
            "--database-url",
        ),
        (&["key", "list", "--root-key-file", "x"], "--root-key-file"),
        (&["org", "delete", "--org", org, "--now", "--yes"], "--now"),
        (&["org", "delete", "--org", org, "--grace", "1d"], "--grace"),
    ] {
        let refused = user.run(&[args, &["--profile", "default"]].concat());
        refused.assert_refused(&format!("{flag} is for the operator"));
        assert_eq!(refused.code, USAGE, "{args:?}");
    }
    for (args, flag) in [
        (
            &["org", "create", "--name", "n", "--output", "x"][..],
            "--output",
        ),
        (&["org", "create", "--name", "n", "--org", org], "--org"),
        (&["org", "list", "--filter", "x"], "--filter"),
        (&["org", "delete", "--org", org, "--yes"], "--yes"),
        (
            &["org", "restore", "--org", org, "--timeout", "1"],
            "--timeout",
        ),
    ] {
        let refused = vault.run(args);
        refused.assert_refused(&format!("{flag} "));
        refused.assert_refused("--profile");
        assert_eq!(refused.code, USAGE, "{args:?}");
    }
}

#[test]
fn without_a_profile_and_a_database_both_ways_are_named() {
    let org = "01a20001-fbb5-7e6b-8a29-eec475269712";
    for args in [
        &["org", "list"][..],
        &["org", "create", "--name", "n"],
        &["org", "restore", "--org", org],
        &["key", "list", "--org", org],
        &["credential", "list", "--org", org],
    ] {
        for variables in [&[][..], &[("HOME", "/nonexistent")]] {
            let refused = run(args, variables);
            refused.assert_refused("strongroom login");
            refused.assert_refused("STRONGROOM_DATABASE_URL");
            assert_eq!(refused.code, Some(1), "{args:?}");
        }
    }
    // What is for HTTP alone names the profile.
    let get = ["credential", "get", org];
    run(&get, &[("HOME", "/nonexistent")]).assert_refused("strongroom login");
    run(&get, &[]).assert_refused("HOME");
}
