//! `strongroom migrate` by an owner that is not a superuser.

use strongroom_e2e::{Api, Database, Server, TestVault, run};

const PASSWORD: &str = "p";

/// Creates an empty database; returns it, its owner's URL, and a superuser's connection to it.
async fn owned(name: &str) -> (Database, String, tokio_postgres::Client) {
    let database = Database::create_empty_unsharded(name).await;
    let client = database.connect().await;
    let owner = format!("{name}_owner");
    let made = format!(
        "create role {owner} login password '{PASSWORD}'; alter database {name} owner to {owner}; \
         grant create on schema public to {owner}"
    );
    client.batch_execute(&made).await.unwrap();
    let url = database.url_as(&owner, PASSWORD);
    (database, url, client)
}

#[tokio::test]
async fn where_roles_cannot_be_made_the_sql_for_it_is_printed_and_works() {
    let (database, owner, superuser) = owned("migrating_plain").await;
    let app = "migrating \"plain\" app";
    let migrate = ["migrate", "--app-role", app, "--json"];
    let first = run(&migrate, &[("DATABASE_URL", &owner)]).json();
    assert!(!first["applied"].as_array().unwrap().is_empty());
    assert_eq!(first["app_role"]["granted"], false);
    superuser
        .batch_execute(first["app_role"]["sql"].as_str().unwrap())
        .await
        .unwrap();
    let password = format!(
        "alter role \"{}\" password '{PASSWORD}'",
        app.replace('"', "\"\"")
    );
    superuser.batch_execute(&password).await.unwrap();
    let again = run(&migrate, &[("DATABASE_URL", &owner)]).json();
    assert_eq!(again["applied"], serde_json::json!([]));
    assert_eq!(again["app_role"]["granted"], true);
    serves(&database, "migrating%20%22plain%22%20app", &owner).await;
}

/// Checks that a server works with the application role, and commands with the owner's role.
async fn serves(database: &Database, app: &str, owner: &str) {
    let keys = TestVault::start_unsharded().await;
    let root_key = ("STRONGROOM_ROOT_KEY_FILE", keys.root_key_file());
    let root_key = (root_key.0, root_key.1.as_str());
    let operator = [("DATABASE_URL", owner), root_key];
    let app = database.url_as(app, PASSWORD);
    let listen = ("STRONGROOM_LISTEN", "127.0.0.1:0");
    let server = Server::spawn(&["serve"], &[("DATABASE_URL", &app), root_key, listen]);
    keys.ready(&server.url()).await;
    let org = run(&["org", "create", "--name", "o", "--json"], &operator).json();
    let org = org["org_id"].as_str().unwrap();
    let create = [
        "key", "create", "--org", org, "--role", "admin", "--name", "n", "--json",
    ];
    let key = run(&create, &operator).json();
    let api = Api::new(&server.url(), org, key["api_key"].as_str().unwrap());
    let id = api.create("secret").await;
    assert_eq!(api.secret(&id).await["api_key"], "secret");
}

#[tokio::test]
async fn a_role_that_would_see_everything_is_not_taken_as_application_role() {
    let (_, owner, superuser) = owned("migrating_free").await;
    superuser
        .batch_execute("create role migrating_free_bypass bypassrls")
        .await
        .unwrap();
    for role in ["postgres", "migrating_free_bypass", "migrating_free_owner"] {
        let args = ["migrate", "--app-role", role];
        run(&args, &[("DATABASE_URL", &owner)]).assert_refused(role);
    }
}

#[tokio::test]
async fn a_history_that_was_edited_is_refused() {
    let (database, owner, superuser) = owned("migrating_edited").await;
    assert!(run(&["migrate"], &[("DATABASE_URL", &owner)]).success);
    let columns = "update schema_migrations set checksum = '1'";
    superuser.batch_execute(columns).await.unwrap();
    let refused = run(&["migrate"], &[("DATABASE_URL", &database.superuser_url())]);
    assert!(!refused.success, "{}", refused.stdout);
}
