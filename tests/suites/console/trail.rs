//! The audit trail: its events, their proof, verifications and downloads.

use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use strongroom_domain::{Clock, SystemClock};
use strongroom_e2e::{Api, BrowserSettings, TestVault, eventually};

use super::reading::Reader;
use super::support::{Visitor, home, vault};

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>";

fn trail(api: &Api) -> String {
    format!("{}/audit", home(api))
}

/// The path of the newest event with this action.
async fn event_path(visitor: &Visitor, api: &Api, action: &str) -> String {
    let page = visitor
        .get(&format!("{}?action={action}", trail(api)))
        .await;
    assert_eq!(page.status, 200, "{}", page.text);
    let path = format!("{}/events/", trail(api));
    let rest = page.text.split(&format!("href=\"{path}")).nth(1);
    format!("{path}{}", rest.unwrap().split('"').next().unwrap())
}

async fn edit(vault: &TestVault, action: &str, change: &str) {
    let database = vault.database.connect().await;
    let edit =
        format!("update audit_events set {change} where action = $1 and org_id = $2::text::uuid");
    let edited = database.execute(&edit, &[&action, &vault.admin.org]).await;
    assert_eq!(edited.unwrap(), 1);
}

#[tokio::test]
async fn one_finds_who_revealed_a_credential_on_a_day() {
    let vault = vault().await;
    let id = vault.admin.create("secret").await;
    let (reader, reader_id) = vault.admin.issue(json!({"role": "reader"})).await;
    reader.secret(&id).await;
    vault.admin.list().await;
    let user = Reader::of(&vault, BrowserSettings::default()).await;
    user.click("//nav//a[.='Audit']").await;
    let listed = Locator::XPath("//td[.='listed credentials']");
    user.0.page.wait().for_element(listed).await.unwrap();
    user.click("//select[@id='action']/option[@value='credential.reveal']")
        .await;
    let today = SystemClock.now().date_naive();
    let yesterday = today.pred_opt().unwrap();
    user.set("since", &yesterday.to_string()).await;
    user.set("until", &today.succ_opt().unwrap().to_string())
        .await;
    user.set("credential", &id).await;
    user.click("//button[.='Filter']").await;
    user.sees(&reader_id).await;
    // The choices of the filter have the same words.
    let table = user.0.page.find(Locator::Css("table")).await.unwrap();
    let shown = table.text().await.unwrap();
    assert!(shown.contains("revealed a credential") && shown.contains(&id));
    assert!(!shown.contains("listed credentials"), "{shown}");
    user.set("since", "").await;
    user.set("until", &yesterday.to_string()).await;
    user.click("//button[.='Filter']").await;
    user.sees("No event matches.").await;
    // A wrong field says what it must be, and nothing is shown.
    user.set("actor", "nobody").await;
    user.click("//button[.='Filter']").await;
    user.sees("must be the id of an API key or client").await;
    user.sees("No events are shown").await;
}

#[tokio::test]
async fn an_event_says_whether_it_verifies() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    api.secret(&id).await;
    api.list().await;
    let visitor = Visitor::signed_in(api).await;
    let revealed = event_path(&visitor, api, "credential.reveal").await;
    let listed = event_path(&visitor, api, "credential.list").await;
    let verifies = async |path: &str| {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let altered = page.text.contains("This event does not verify.");
        assert_ne!(altered, page.text.contains("This event verifies."));
        !altered
    };
    assert!(verifies(&revealed).await && verifies(&listed).await);
    let page = visitor.get(&revealed).await.text;
    for part in [&id, "revealed a credential", "Previous event", "Digest"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    edit(&vault, "credential.reveal", "source = '192.0.2.1'").await;
    assert!(!verifies(&revealed).await);
    assert!(verifies(&listed).await, "the one after it is genuine");
    let database = vault.database.connect().await;
    let remove = "delete from audit_events where action = 'credential.reveal'";
    database.execute(remove, &[]).await.unwrap();
    assert_eq!(visitor.get(&revealed).await.status, 404);
    let page = visitor.get(&listed).await.text;
    assert!(page.contains("This event cannot be verified."), "{page}");
    let (other, _) = vault.new_organization("other");
    let foreign = Visitor::signed_in(&other).await;
    let theirs = listed.replace(&api.org, &other.org);
    assert_eq!(foreign.get(&theirs).await.status, 404);
    assert_eq!(foreign.get(&listed).await.status, 404);
}

#[tokio::test]
async fn a_verification_is_watched_to_its_end() {
    let vault = vault().await;
    let id = vault.admin.create("secret").await;
    vault.admin.secret(&id).await;
    let user = Reader::of(&vault, BrowserSettings::default()).await;
    let change = format!("source = '{HOSTILE}'");
    edit(&vault, "credential.reveal", &change).await;
    user.click("//nav//a[.='Audit']").await;
    user.sees(HOSTILE).await;
    user.click("//button[.='Verify the trail now']").await;
    user.sees("The trail does not verify: 1 findings").await;
    user.is_accessible("a verification with a finding").await;
    user.click("//a[.='show']").await;
    user.sees("This event does not verify.").await;
    user.sees(HOSTILE).await;
}

#[tokio::test]
async fn verifications_work_without_script_and_are_recorded() {
    let vault = vault().await;
    let api = &vault.admin;
    let visitor = Visitor::signed_in(api).await;
    let path = format!("{}/verifications", trail(api));
    let begun = visitor.submit(&trail(api), &path, &[]).await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    let page = begun.location.unwrap();
    eventually("it ends", Duration::from_secs(30), async || {
        let page = visitor.get(&page).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.text.contains("The trail is intact.")
    })
    .await;
    let listed = visitor
        .get(&format!("{}?action=audit.list", trail(api)))
        .await;
    assert!(listed.text.contains("read the audit trail"));
    // Another one so soon would show the same, and is neither made nor recorded.
    let again = visitor.submit(&trail(api), &path, &[]).await;
    assert_eq!(again.location.as_ref(), Some(&page));
    let flash = again.cookies.iter();
    let mut flash = flash.filter(|cookie| cookie.starts_with("strongroom_flash="));
    assert!(flash.any(|cookie| cookie.contains("=verified-recently;")));
    let database = vault.database.connect().await;
    let recorded = "select count(*) from audit_events where details like '%verification%'";
    let recorded = database.query_one(recorded, &[]).await.unwrap();
    assert_eq!(recorded.get::<_, i64>(0), 1);
    let unknown = visitor.get(&format!("{path}/1700000000000000")).await;
    assert!(unknown.text.contains("does not know this verification"));
    for absent in ["x", "999999999999999999", "9999999999999999999"] {
        let page = visitor.get(&format!("{path}/{absent}")).await;
        assert_eq!(page.status, 404, "{absent}");
    }
    let member = Visitor::signed_in(&vault.member).await;
    let token = member.form_token(&home(api)).await;
    let fields = [("csrf_token", token.as_str())];
    assert_eq!(member.post(&path, &fields).await.status, 403);
    assert_eq!(member.get(&trail(api)).await.status, 403);
    assert_eq!(member.get(&page).await.status, 403);
    assert!(!member.get(&home(api)).await.text.contains(">Audit<"));
}

#[tokio::test]
async fn a_download_has_the_events_of_the_filter_as_the_command_exports_them() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    for _ in 0..3 {
        api.secret(&id).await;
    }
    api.create("other").await;
    let visitor = Visitor::signed_in(api).await;
    let exported = async |query: &str| {
        let path = format!("{}/export?{query}", trail(api));
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let command = vault.run(&["audit", "export", "--org", &api.org]);
    let text = command.stdout.clone();
    let of = |action: &str| {
        let is_of = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["action"] == action
        };
        let lines = text.lines().filter(is_of);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let revealed = exported("action=credential.reveal&").await;
    assert_eq!(revealed.len(), 3);
    assert_eq!(revealed, of("credential.reveal"));
    let created = exported("action=credential.create&outcome=ok").await;
    assert_eq!(created, of("credential.create"));
    let all = exported("").await;
    assert!(all.len() > text.lines().count());
    let path = format!("/organizations/config/audit-events?credential_id={id}");
    let listed = api
        .call(reqwest::Method::GET, &path, &Value::Null, 200)
        .await;
    let listed = listed.as_array().unwrap();
    let of_credential = exported(&format!("credential={id}")).await;
    assert_eq!(listed.len(), of_credential.len());
    for (listed, line) in listed.iter().rev().zip(&of_credential) {
        let line: Value = serde_json::from_str(line).unwrap();
        for member in ["at", "action", "actor", "lane", "seq", "request_id"] {
            assert_eq!(listed[member], line[member], "{member}");
        }
    }
    let wrong = format!("{}/export?since=x", trail(api));
    assert_eq!(visitor.get(&wrong).await.status, 404);
}
