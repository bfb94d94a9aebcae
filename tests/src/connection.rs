use tempfile::TempDir;

use crate::command::run;

pub(crate) const APP_ROLE: &str = "strongroom_app";
pub(crate) const APP_PASSWORD: &str = "application-of-the-tests";

/// Creates the tables, and the application role with its password.
pub(crate) async fn migrate(url: String) {
    let folder = TempDir::new().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, APP_PASSWORD).unwrap();
    let password = password.to_str().unwrap().to_owned();
    let migrated = tokio::task::spawn_blocking(move || {
        let args = [
            "migrate",
            "--app-role",
            APP_ROLE,
            "--app-password-file",
            &password,
        ];
        run(&args, &[("STRONGROOM_DATABASE_URL", &url)])
    });
    let migrated = migrated.await.unwrap();
    assert!(migrated.success, "{}", migrated.stderr);
}

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn sql(url: &str, statement: &str) {
    connect(url).await.batch_execute(statement).await.unwrap();
}
