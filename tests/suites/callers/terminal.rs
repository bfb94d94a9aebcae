use strongroom_e2e::TestVault;

use super::user::User;

#[tokio::test]
async fn a_secret_is_shown_on_a_terminal_only_if_that_is_asked_for() {
    let vault = TestVault::start().await;
    let user = User::of(&vault.admin);
    let id = vault.admin.create("canary").await;
    for args in [
        format!("credential get {id}"),
        format!("credential get {id} --json"),
    ] {
        let refused = user.run_on_terminal(&args, "", &[]);
        assert_eq!(refused.code, Some(2), "{}", refused.stdout);
        assert!(refused.stdout.contains("--show"), "{}", refused.stdout);
        assert!(!refused.stdout.contains("canary"), "{}", refused.stdout);
        let shown = user.run_on_terminal(&format!("{args} --show"), "", &[]);
        assert!(
            shown.success && shown.stdout.contains("canary"),
            "{}",
            shown.stdout
        );
    }
    let to_file = format!("credential get {id} --output {}", user.path("out"));
    let written = user.run_on_terminal(&to_file, "", &[]);
    assert!(
        written.success && !written.stdout.contains("canary"),
        "{}",
        written.stdout
    );
}
