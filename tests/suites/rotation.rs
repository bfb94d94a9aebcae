//! Keys are replaced while the service goes on.

mod load;

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use strongroom_e2e::{TestVault, eventually, strongroom_binary};

use load::{Load, secret_of};

async fn count(vault: &TestVault, sql: &str) -> i64 {
    vault
        .database
        .connect()
        .await
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

// A server that found a generation active looks again once it is not, though nobody told it.
#[tokio::test]
async fn nothing_is_written_under_a_generation_that_has_changed_unheard() {
    let vault = TestVault::start().await;
    for _ in 0..3 {
        vault.admin.create("before").await;
    }
    let client = vault.database.connect().await;
    let off = "update org_keys set active = false";
    client.batch_execute(off).await.unwrap();
    let body = json!({"extcred_provider": "generic", "extcred_type": "api_key", "json_blob": {"api_key": "x"}});
    assert_ne!(vault.admin.post(&body).await.status(), 201);
    assert_eq!(count(&vault, "select count(*) from credentials").await, 3);
    let on = "update org_keys set active = true";
    client.batch_execute(on).await.unwrap();
    vault.admin.create("after").await;
}

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
        // Four organizations' keys and the service keys, however many these are.
        assert!(rotated["rows"].as_i64().unwrap() > 4, "{rotated}");
    }
    load.finish(&vault.admin).await;

    let states: Vec<_> = vault
        .run(&["key-check", "--json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["unneeded", "unneeded", "active"]);
    let sql = "select count(distinct root_key_id) from org_keys";
    assert_eq!(count(&vault, sql).await, 1);

    // From now on the newest key alone is enough.
    let file = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let newest = file.lines().last().unwrap().to_owned();
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("newest.key");
    std::fs::write(&path, &newest).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    let third = vault.start_server(&[("STRONGROOM_ROOT_KEY_FILE", path.to_str().unwrap())]);
    vault.ready(&third.url()).await;
    let id = vault.admin.create("after").await;
    assert_eq!(secret_of(&vault.admin.at(&third.url()), &id).await, "after");
}

#[tokio::test]
async fn a_root_key_becomes_active_only_when_every_server_holds_it() {
    let vault = TestVault::start().await;
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.key");
    std::fs::copy(vault.root_key_file(), &own).unwrap();
    let second = vault.start_server(&[("STRONGROOM_ROOT_KEY_FILE", own.to_str().unwrap())]);
    vault.ready(&second.url()).await;

    let new = folder.path().join("new.key");
    let args = [
        "rotate",
        "root",
        "--prepare",
        "--out",
        new.to_str().unwrap(),
        "--json",
    ];
    let prepared = vault.run(&args).json();
    let id = prepared["root_key_id"].as_str().unwrap();
    let again = vault.run(&["rotate", "root", "--prepare"]);
    assert!(
        !again.success && again.stderr.contains(id),
        "{}",
        again.stderr
    );
    let alone = vault.run(&["rotate", "root"]);
    assert!(
        !alone.success && alone.stderr.contains(id),
        "{}",
        alone.stderr
    );

    let append = |file: &str| {
        let text = std::fs::read_to_string(file).unwrap() + &std::fs::read_to_string(&new).unwrap();
        std::fs::write(file, text).unwrap();
    };
    append(&vault.root_key_file());
    let lacking = vault.run(&["rotate", "root"]);
    assert!(!lacking.success, "{}", lacking.stdout);
    let process = format!("process {}", second.pid());
    assert!(lacking.stderr.contains(&process), "{}", lacking.stderr);
    assert!(lacking.stderr.contains(id), "{}", lacking.stderr);

    append(own.to_str().unwrap());
    assert_eq!(
        vault.run(&["rotate", "root", "--json"]).json()["root_key_id"],
        id
    );
    vault
        .admin
        .at(&second.url())
        .create("at the other server")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organizations_key_is_replaced_under_load() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let org = vault.admin.org.clone();
    for number in 0..300 {
        vault.admin.create(&format!("early {number}")).await;
    }
    let load = Load::start(&[vault.admin.clone(), vault.admin.at(&second.url())]);
    let dry = vault
        .run(&["rotate", "org", &org, "--dry-run", "--json"])
        .json();
    assert!(dry["rows"].as_i64().unwrap() >= 300);
    assert_eq!(
        vault.run(&["rotate", "org", &org, "--json"]).json()["generation"],
        2
    );
    let resealed = vault
        .run(&["rotate", "org", &org, "--re-encrypt", "--json"])
        .json();
    assert_eq!(
        (&resealed["generation"], &resealed["re_encrypt"]),
        (&json!(3), &json!(true))
    );
    load.finish(&vault.admin).await;

    assert_eq!(
        count(
            &vault,
            "select count(*) from credentials where key_generation <> 3"
        )
        .await,
        0
    );
    let events = "select count(*) from audit_events where action = 'credential.reseal'";
    assert!(count(&vault, events).await >= 300);
    let early = "3";
    let refused = vault.run(&["rotate", "retire", "--org", &org, "--generation", early]);
    assert!(
        !refused.success && refused.stderr.contains("rows still need"),
        "{}",
        refused.stderr
    );
    for generation in ["1", "2"] {
        let args = [
            "rotate",
            "retire",
            "--org",
            &org,
            "--generation",
            generation,
        ];
        assert!(vault.run(&args).success);
    }
    assert_eq!(count(&vault, "select count(*) from org_keys").await, 1);
    let answer: Value = vault
        .admin
        .get("/organizations/config/rotations")
        .await
        .json()
        .await
        .unwrap();
    let states: Vec<_> = answer["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rotation| {
            (
                rotation["generation"].clone(),
                rotation["state"].clone(),
                rotation["rows_left"].clone(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            (json!(3), json!("done"), json!(0)),
            (json!(2), json!("done"), json!(0))
        ]
    );
    assert_eq!(
        vault
            .member
            .get("/organizations/config/rotations")
            .await
            .status(),
        403
    );
}

#[tokio::test]
async fn an_interrupted_rotation_is_gone_on_with() {
    for re_encrypt in [false, true] {
        let vault = TestVault::start().await;
        let org = vault.admin.org.clone();
        let mut written = Vec::new();
        for number in 0..60 {
            let secret = format!("secret {number}");
            written.push((vault.admin.create(&secret).await, secret));
        }
        let mut command = Command::new(strongroom_binary());
        command.args(["rotate", "org", &org, "--throttle", "20"]);
        if re_encrypt {
            command.arg("--re-encrypt");
        }
        let mut rotating = command
            .env("STRONGROOM_DATABASE_URL", vault.database.superuser_url())
            .env("STRONGROOM_ROOT_KEY_FILE", vault.root_key_file())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let behind = "select count(*) from credentials where key_generation = 1";
        eventually("some rows are done", Duration::from_secs(20), async || {
            let left = count(&vault, behind).await;
            left > 0 && left < 60
        })
        .await;
        rotating.kill().unwrap();
        rotating.wait().unwrap();
        for (id, secret) in &written {
            assert_eq!(&secret_of(&vault.admin, id).await, secret);
        }
        if re_encrypt {
            // A running server notices that nobody works on it any more.
            eventually("the server goes on", Duration::from_secs(60), async || {
                count(
                    &vault,
                    "select count(*) from rotations where state = 'running'",
                )
                .await
                    == 0
            })
            .await;
        } else {
            assert_eq!(
                vault.run(&["rotate", "org", &org, "--json"]).json()["generation"],
                2
            );
        }
        assert_eq!(count(&vault, behind).await, 0);
        for (id, secret) in &written {
            assert_eq!(&secret_of(&vault.admin, id).await, secret);
        }
    }
}

#[tokio::test]
async fn a_server_that_slept_cannot_commit_under_a_retired_key() {
    let vault = TestVault::start().await;
    let sleeper = vault.start_server(&[]);
    let api = vault.admin.at(&sleeper.url());
    vault.ready(&api.url).await;
    let id = api.create("before").await;

    sleeper.signal(Signal::SIGSTOP);
    let org = vault.admin.org.clone();
    assert!(vault.run(&["rotate", "org", &org]).success);
    assert!(
        vault
            .run(&["rotate", "retire", "--org", &org, "--generation", "1"])
            .success
    );
    sleeper.signal(Signal::SIGCONT);

    let new = api.create("after").await;
    assert_eq!(
        api.patch(&id, &json!({"extcred_label": "x"}))
            .await
            .status(),
        204
    );
    assert_eq!(secret_of(&vault.admin, &new).await, "after");
    assert_eq!(secret_of(&vault.admin, &id).await, "before");
    assert_eq!(
        count(
            &vault,
            "select count(*) from credentials where key_generation <> 2"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn a_damaged_row_does_not_keep_the_others_from_the_new_key() {
    let vault = TestVault::start().await;
    let org = vault.admin.org.clone();
    let good = [
        vault.admin.create("one").await,
        vault.admin.create("two").await,
    ];
    let bad = vault.admin.create("three").await;
    let database = vault.database.connect().await;
    let damage = "update credentials set wrapped_key = set_byte(wrapped_key, 20, 255 - get_byte(wrapped_key, 20)) \
                  where cred_id = $1::text::uuid";
    database.execute(damage, &[&bad]).await.unwrap();
    for re_encrypt in [false, true] {
        let mut args = vec!["rotate", "org", &org];
        if re_encrypt {
            args.push("--re-encrypt");
        }
        let rotated = vault.run(&args);
        assert!(!rotated.success);
        assert!(
            rotated.stderr.contains("1 credentials cannot"),
            "{}",
            rotated.stderr
        );
        for (id, secret) in good.iter().zip(["one", "two"]) {
            assert_eq!(secret_of(&vault.admin, id).await, secret);
        }
    }
    assert_eq!(vault.admin.reveal(&bad).await.status(), 500);
    assert_eq!(
        vault
            .admin
            .delete(&format!("credentialId={bad}"))
            .await
            .status(),
        204
    );
    assert!(vault.run(&["rotate", "org", &org]).success);
    assert_eq!(
        count(
            &vault,
            "select count(distinct key_generation) from credentials"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn a_damaged_organization_key_does_not_keep_the_others_from_the_new_root_key() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    let id = vault.admin.create("kept").await;
    let database = vault.database.connect().await;
    let damage = "update org_keys set wrapped_key = set_byte(wrapped_key, 20, 255 - get_byte(wrapped_key, 20)) \
                  where org_id = $1::text::uuid";
    database.execute(damage, &[&other.org]).await.unwrap();
    let rotated = vault.run(&["rotate", "root"]);
    assert!(!rotated.success);
    assert!(
        rotated.stderr.contains("1 organizations cannot"),
        "{}",
        rotated.stderr
    );
    let behind = "select count(*) from org_keys k join root_keys r using (root_key_id) where r.state <> 'active'";
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
