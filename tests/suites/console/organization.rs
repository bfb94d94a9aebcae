//! The overview of an organization, its settings, and the state of the installation.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_e2e::{BrowserSettings, TestVault, eventually};

use super::reading::Reader;
use super::support::{ON, Visitor, home, vault};

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>";

#[tokio::test]
async fn settings_are_changed_and_wrong_ones_named() {
    let vault = vault().await;
    let api = &vault.admin;
    let visitor = Visitor::signed_in(api).await;
    let path = format!("{}/settings", home(api));
    let config = async || {
        let path = "/organizations/config";
        api.call(reqwest::Method::GET, path, &Value::Null, 200)
            .await
    };
    let before = config().await;
    let wrong = [
        ("max_key_lifetime", "4000"),
        ("unit", "days"),
        ("versions_kept", HOSTILE),
        ("recovery_days", "31"),
    ];
    let page = visitor.submit(&path, &path, &wrong).await;
    assert_eq!(page.status, 422, "{}", page.text);
    for (field, message) in [
        ("max_key_lifetime", "must be empty, or from 1 hour"),
        ("versions_kept", "must be a whole number from 0 to 20"),
        ("recovery_days", "must be a whole number from 0 to 30"),
    ] {
        let error = format!("id=\"{field}-error\">{message}");
        assert!(page.text.contains(&error), "{error}: {}", page.text);
    }
    assert!(!page.text.contains("<img") && page.text.contains("value=\"4000\""));
    assert_eq!(config().await, before);
    let right = [
        ("max_key_lifetime", "90"),
        ("unit", "days"),
        ("versions_kept", "4"),
        ("recovery_days", "9"),
    ];
    let page = visitor.submit(&path, &path, &right).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let expected = json!({
        "max_key_lifetime": 7_776_000, "versions_kept": 4, "recovery_days": 9,
    });
    assert_eq!(config().await, expected);
    let member = Visitor::signed_in(&vault.member).await;
    assert_eq!(member.get(&path).await.status, 403);
    let token = member.form_token(&home(api)).await;
    let fields = [&right[..], &[("csrf_token", token.as_str())]].concat();
    assert_eq!(member.post(&path, &fields).await.status, 403);
    let rotations = format!("{path}/rotations");
    let fields = [("csrf_token", token.as_str())];
    assert_eq!(member.post(&rotations, &fields).await.status, 403);
    assert!(!member.get(&home(api)).await.text.contains(">Settings<"));
}

#[tokio::test]
async fn a_rotation_is_started_and_watched_to_its_end() {
    let vault = vault().await;
    vault.admin.create("secret").await;
    let user = Reader::of(&vault, BrowserSettings::default()).await;
    user.click("//nav//a[.='Settings']").await;
    user.sees("The key was never rotated.").await;
    user.click("//a[.='Rotate the key']").await;
    user.sees("A rotation cannot be stopped").await;
    user.is_accessible("the question").await;
    user.click("//button[.='Start the rotation']").await;
    user.sees("The rotation is started.").await;
    let done = "//td[@data-name='Progress'][contains(., '1 of 1')]";
    eventually("it ends", Duration::from_secs(60), async || {
        let progress = fantoccini::Locator::XPath(done);
        let is_done = user.0.page.find(progress).await.is_ok();
        is_done && !user.shown().await.contains("running")
    })
    .await;
    let listed = vault
        .admin
        .call(
            reqwest::Method::GET,
            "/organizations/config/rotations",
            &Value::Null,
            200,
        )
        .await;
    assert_eq!(listed[0]["state"], "done");
}

#[tokio::test]
async fn the_system_is_shown_to_holders_of_its_permission_alone() {
    let vault = vault().await;
    let org = vault.admin.org.as_str();
    let create = ["key", "create", "--org", org, "--name", "n", "--json"];
    let permissions = ["--permission", "system:read"];
    let made = vault.run(&[&create[..], &permissions].concat()).json();
    let holder = vault.admin.with_key(made["api_key"].as_str().unwrap());
    let path = format!("{}/system", home(&vault.admin));
    for api in [&vault.admin, &vault.member] {
        let visitor = Visitor::signed_in(api).await;
        assert_eq!(visitor.get(&path).await.status, 404);
        assert!(!visitor.get(&home(api)).await.text.contains(">System<"));
    }
    let visitor = Visitor::signed_in(&holder).await;
    let overview = visitor.get(&home(&holder)).await;
    assert!(overview.text.contains(">System<"), "{}", overview.text);
    let page = visitor.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let version = vault.run(&["--version"]).stdout;
    let version = version.split_whitespace().nth(1).unwrap();
    for part in [version, "No condition is active", ">writes<", "All servers"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let mut at_it = vault;
    at_it.admin = holder;
    for width in [360, 1280] {
        let user = Reader::of(
            &at_it,
            BrowserSettings {
                width,
                script: true,
            },
        )
        .await;
        user.open(&at_it, &path).await;
        user.sees("Queues").await;
        user.is_accessible(&format!("System, {width} px")).await;
    }
}

async fn create(vault: &TestVault, provider: &str, expires: &str) {
    let mut body = json!({
        "extcred_provider": provider, "extcred_type": "api_key",
        "json_blob": {"api_key": "k"},
    });
    if !expires.is_empty() {
        body["expires_at"] = expires.into();
    }
    vault.admin.create_from(&body).await;
}

#[tokio::test]
async fn the_overview_counts_what_is_there() {
    let counting = [ON[0], ("STRONGROOM_DAILY_TOTALS_INTERVAL", "1s")];
    let vault = TestVault::start_with(&counting).await;
    let api = &vault.admin;
    for provider in ["shopify", "shopify", "google"] {
        create(&vault, provider, "").await;
    }
    create(&vault, "generic", "2199-01-01T00:00:00Z").await;
    let id = api.create("secret").await;
    for _ in 0..3 {
        api.secret(&id).await;
    }
    let visitor = Visitor::signed_in(api).await;
    eventually(
        "the reveals are counted",
        Duration::from_secs(30),
        async || {
            let page = visitor.get(&home(api)).await;
            page.text.contains("3 reveals and 0 relays from")
        },
    )
    .await;
    let page = visitor.get(&home(api)).await.text;
    for part in [
        "/credentials\"><strong>5</strong> All</a>",
        "/credentials?sort=expires_at\"><strong>0</strong> Expired</a>",
        "aria-label=\"2 of provider shopify and type api_key\">2</a>",
        "aria-label=\"2 of provider generic and type api_key\">2</a>",
        "class=\"reveals\"",
        "not checked yet",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("style="), "the policy forbids it");
    assert!(page.len() < 60 * 1024, "{}", page.len());
    let (relay, _) = api.issue(json!({"role": "relay"})).await;
    let relay = Visitor::signed_in(&relay).await;
    let page = relay.get(&home(api)).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("By provider and type") && !page.text.contains("<svg"));
}

#[tokio::test]
async fn pages_are_accessible_at_two_widths_and_html_in_names_is_text() {
    let mut vault = vault().await;
    let (hostile, _) = vault.new_organization(HOSTILE);
    vault.admin = hostile;
    let id = vault.admin.create("secret").await;
    vault.admin.secret(&id).await;
    for width in [360, 1280] {
        let user = Reader::of(
            &vault,
            BrowserSettings {
                width,
                script: true,
            },
        )
        .await;
        user.sees(HOSTILE).await;
        user.is_accessible(&format!("Overview, {width} px")).await;
        for (part, text) in [
            ("Audit", "revealed a credential"),
            ("Settings", "Longest lifetime"),
        ] {
            user.click(&format!("//nav//a[.='{part}']")).await;
            user.sees(text).await;
            user.is_accessible(&format!("{part}, {width} px")).await;
        }
        user.click("//nav//a[.='Audit']").await;
        user.click("//th[@data-name='Time']/a").await;
        user.sees("This event verifies.").await;
        user.click("//summary[.='What this means']").await;
        user.is_accessible(&format!("an event, {width} px")).await;
    }
}
