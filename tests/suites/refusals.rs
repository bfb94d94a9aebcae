//! Database roles and root keys with which a server refuses to start.

use std::os::unix::fs::PermissionsExt;

use strongroom_e2e::{Database, TestVault, refusal, run};
use tempfile::TempDir;

fn variables<'a>(url: &'a str, root_key: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("STRONGROOM_DATABASE_URL", url),
        ("STRONGROOM_ROOT_KEY_FILE", root_key),
        ("STRONGROOM_LISTEN", "127.0.0.1:0"),
    ]
}

#[tokio::test]
async fn roles_that_row_level_security_does_not_bind_are_refused() {
    let vault = TestVault::start_unsharded().await;
    let client = vault.database.connect().await;
    client
        .batch_execute(
            "create role refused_owner login password 'p'; \
             alter table credentials owner to refused_owner; \
             create role refused_heir login password 'p' noinherit in role refused_owner; \
             create role refused_bypass login bypassrls password 'p'; \
             create role refused_super login superuser password 'p'",
        )
        .await
        .unwrap();
    let root_key = vault.root_key_file();
    let cases = [
        ("refused_owner", "owns tables"),
        ("refused_heir", "owner"),
        ("refused_bypass", "BYPASSRLS"),
        ("refused_super", "superuser"),
    ];
    for (role, why) in cases {
        let url = vault.database.url_as(role, "p");
        client
            .batch_execute(&format!(
                "grant select on all tables in schema public to {role}"
            ))
            .await
            .unwrap();
        let said = refusal(&[], &variables(&url, &root_key));
        assert!(said.contains(role) && said.contains(why), "{said}");
        assert!(said.contains("strongroom migrate --app-role"), "{said}");
    }
}

#[tokio::test]
async fn a_table_without_row_level_security_is_refused() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    for off in ["disable", "no force"] {
        client
            .batch_execute(&format!("alter table api_keys {off} row level security"))
            .await
            .unwrap();
        let said = refusal(&[], &variables(&url, &root_key));
        assert!(said.contains("api_keys"), "{said}");
        for on in ["enable", "force"] {
            let on = format!("alter table api_keys {on} row level security");
            client.batch_execute(&on).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_policy_that_admits_other_organizations_is_refused() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    client
        .batch_execute("create policy support on credentials for select using (true)")
        .await
        .unwrap();
    let said = refusal(&[], &variables(&url, &root_key));
    assert!(said.contains("support on credentials"), "{said}");
    let remedy = said.split("owner of the table: ").nth(1).unwrap();
    client.batch_execute(remedy).await.unwrap();
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
}

/// An emoji in a label would be 500, or arrive as other bytes.
#[tokio::test]
async fn an_encoding_other_than_utf_8_is_refused() {
    // A database on the coordinator alone would be none of the cluster's, and would stay.
    let database = Database::create_unsharded().await;
    let server = database.connect().await;
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("encoded_{}", encoding.to_lowercase());
        let create = format!(
            "create database {name} encoding '{encoding}' template template0 lc_collate 'C' \
             lc_ctype 'C'"
        );
        server.batch_execute(&create).await.unwrap();
        let url = database.superuser_url();
        let url = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
        let migrated = run(&["migrate"], &[("STRONGROOM_DATABASE_URL", &url)]);
        migrated.assert_refused(encoding);
        migrated.assert_refused("--encoding=UTF8");
    }
}

#[tokio::test]
async fn a_role_that_can_create_objects_is_refused() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    for grantee in ["strongroom_app", "public"] {
        let grant = format!("grant create on schema public to {grantee}");
        client.batch_execute(&grant).await.unwrap();
        let said = refusal(&[], &variables(&url, &root_key));
        assert!(said.contains("can create objects"), "{said}");
        let remedy = said.split("superuser: ").nth(1).unwrap();
        client.batch_execute(remedy).await.unwrap();
    }
    client
        .batch_execute("grant create on schema public to public, strongroom_app")
        .await
        .unwrap();
    let migrate = ["migrate", "--app-role", "strongroom_app"];
    vault.run(&migrate).assert_success();
    let server = vault.start_server(&[]);
    vault.ready(&server.url()).await;
}

/// New service keys would make every API key and audit event invalid without a word.
#[tokio::test]
async fn missing_service_keys_are_refused_by_their_names() {
    let vault = TestVault::start().await;
    let client = vault.database.connect().await;
    let (url, root_key) = (vault.database.app_url(), vault.root_key_file());
    let variables = variables(&url, &root_key);
    let count = "select count(*) from service_keys";
    for (gone, named) in [("audit", "audit"), ("api_key", "api_key, audit")] {
        let delete = format!("delete from service_keys where purpose = '{gone}'");
        client.batch_execute(&delete).await.unwrap();
        let before: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        let said = refusal(&[], &variables);
        assert!(
            said.contains(&format!("in the database: {named}.")),
            "{said}"
        );
        run(&["org", "list"], &variables[..2]).assert_refused(named);
        let after: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        assert_eq!(before, after);
    }
    client.batch_execute("delete from root_keys").await.unwrap();
    let said = refusal(&[], &variables);
    assert!(said.contains("no active root key"), "{said}");
}

#[tokio::test]
async fn another_root_key_is_refused_by_its_id() {
    let vault = TestVault::start().await;
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.key");
    let other = other.to_str().unwrap();
    assert!(run(&["root-key", "new", "--output", other], &[]).success);
    let own = std::fs::read_to_string(vault.root_key_file()).unwrap();
    let own_id = own
        .lines()
        .last()
        .unwrap()
        .split(':')
        .nth(1)
        .unwrap()
        .to_owned();
    let url = vault.database.app_url();
    let other = variables(&url, other);
    let said = refusal(&[], &other);
    assert!(
        said.contains(&own_id),
        "the missing key is not named: {said}"
    );
    run(&["org", "list"], &other[..2]).assert_refused(&own_id);

    // Now the database was written with another key of the same id.
    let client = vault.database.connect().await;
    let spoil = "update root_keys \
         set check_value = set_byte(check_value, 20, get_byte(check_value, 20) # 1)";
    client.execute(spoil, &[]).await.unwrap();
    let file = vault.root_key_file();
    let said = refusal(&[], &variables(&url, &file));
    assert!(said.contains(&own_id), "{said}");
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("root.key");
    let key = key.to_str().unwrap();
    assert!(run(&["root-key", "new", "--output", key], &[]).success);
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        !run(&["root-key", "new", "--output", key], &[]).success,
        "a root key was overwritten"
    );
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let url = ("DATABASE_URL", "postgresql://u@127.0.0.1:1/d");
    for (name, flag) in [
        ("ROOT_KEY_FILE", "root-key-file"),
        ("ROOT_KEY_PASSPHRASE_FILE", "root-key-passphrase-file"),
    ] {
        let variable = format!("STRONGROOM_{name}");
        let said = refusal(&[], &[url, (&variable, key)]);
        assert!(
            said.contains(&variable) && said.contains("chmod 600"),
            "{said}"
        );
        let said = refusal(&[&format!("--{flag}"), key], &[url]);
        assert!(
            said.contains(&format!("--{flag}")) && said.contains(key),
            "{said}"
        );
    }
}
