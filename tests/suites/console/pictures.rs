//! The pictures of docs/console.md, which `make console-pictures` renews.

use std::path::Path;

use serde_json::{Value, json};
use strongroom_domain::{Clock, SystemClock};
use strongroom_e2e::{Api, BrowserSettings, TestVault};

use super::reading::Reader;
use super::support::{ON, home};

const WIDTH: u32 = 960;

/// Credentials as a shop's backend has them.
async fn fill(api: &Api) -> Vec<String> {
    let shop = |label: &str, expires: Option<&str>| {
        let mut credential = json!({
            "extcred_provider": "shopify", "extcred_type": "access_token",
            "extcred_label": label, "json_blob": {"access_token": "shpat_picture"},
        });
        if let Some(at) = expires {
            credential["expires_at"] = json!(at);
        }
        credential
    };
    let generic = |label: &str, kind: &str, blob: Value| {
        json!({
            "extcred_provider": "generic", "extcred_type": kind, "extcred_label": label,
            "json_blob": blob,
        })
    };
    let soon = SystemClock.now() + chrono::TimeDelta::days(5);
    let soon = soon.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let all = [
        shop("customer 42, shop", Some(&soon)),
        shop("customer 43, shop", None),
        generic(
            "customer 42, payments",
            "api_key",
            json!({"api_key": "sk_live_picture"}),
        ),
        generic(
            "customer 42, mail",
            "user_pass",
            json!({"username": "a", "password": "p1cture!"}),
        ),
        json!({
            "extcred_provider": "onfido", "extcred_type": "api_key",
            "extcred_label": "identity checks", "json_blob": {"api_key": "api_live.picture"},
        }),
    ];
    let mut ids = Vec::new();
    for credential in &all {
        ids.push(api.create_from(credential).await);
    }
    for id in &ids[..3] {
        assert_eq!(api.reveal(id).await.status(), 200);
    }
    ids
}

#[tokio::test]
#[ignore = "writes files: make console-pictures"]
async fn the_pictures_of_the_document() {
    let vault = TestVault::start_with(&ON).await;
    let api = &vault.admin;
    let ids = fill(api).await;
    let settings = BrowserSettings {
        width: WIDTH,
        ..BrowserSettings::default()
    };
    let user = Reader::of(&vault, settings).await;
    let home = home(api);
    let events: Value = api
        .get("/organizations/config/audit-events?action=credential.reveal")
        .await
        .json()
        .await
        .unwrap();
    let event = &events["result"][0];
    let event = format!(
        "{home}/audit/events/{}/{}",
        text(&event["lane"]),
        event["seq"]
    );
    for (name, path) in [
        ("overview", home.clone()),
        ("credentials", format!("{home}/credentials")),
        ("credential", format!("{home}/credentials/{}", ids[0])),
        ("keys", format!("{home}/keys")),
        ("event", event),
    ] {
        user.open(&vault, &path).await;
        let picture = user.0.page.screenshot().await.unwrap();
        let file = format!("../docs/images/console-{name}.png");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, picture).unwrap();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
