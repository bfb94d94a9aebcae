//! A listener of the console's own.

use reqwest::Method;
use strongroom_e2e::TestVault;

use super::support::{ON, Visitor};

#[tokio::test]
async fn with_a_listener_of_its_own_the_console_is_there_alone() {
    let own = ("STRONGROOM_CONSOLE_LISTEN", "127.0.0.1:0");
    let vault = TestVault::start_with(&[ON[0], own]).await;
    vault.server.wait_for_log("serving the console");
    let log = vault.server.log();
    let line = log
        .lines()
        .find(|line| line.contains("serving the console"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let url = format!("http://{}", line["address"].as_str().unwrap());
    let beside = vault
        .admin
        .bare(Method::GET, "/console")
        .send()
        .await
        .unwrap();
    assert_eq!(beside.status(), 404);
    let mut visitor = Visitor::new(&url);
    visitor.sign_in(&[("secret", &vault.admin.key)]).await;
    assert!(!visitor.is_out().await);
    assert_eq!(visitor.get("/").await.location.as_deref(), Some("/console"));
    for path in [
        "/healthz",
        "/metrics",
        "/organizations/config/external-credentials",
    ] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("Not found"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn a_listener_without_the_console_is_refused() {
    let finished = strongroom_e2e::refusal(
        &[],
        &[
            ("STRONGROOM_CONSOLE_LISTEN", "127.0.0.1:0"),
            (
                "STRONGROOM_DATABASE_URL",
                "postgresql://nobody@127.0.0.1:1/none",
            ),
        ],
    );
    assert!(finished.contains("needs console = true"), "{finished}");
}
