//! Pages of credentials, without a browser.

use serde_json::json;
use strongroom_e2e::{Api, CREDENTIALS};

use super::support::{Page, Visitor, home, vault};

/// The value of the hidden field `name` on a page.
fn hidden(page: &Page, name: &str) -> String {
    let before = format!("name=\"{name}\" value=\"");
    let rest = page.text.split(&before).nth(1).unwrap();
    let value = rest.split('"').next().unwrap();
    value.replace("&#34;", "\"").replace("&quot;", "\"")
}

async fn keep_values(admin: &Api) {
    let keep = json!({"versions_kept": 5, "recovery_days": 7});
    let path = "/organizations/config";
    admin.call(reqwest::Method::PATCH, path, &keep, 204).await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_creates_one_credential() {
    let vault = vault().await;
    let list = format!("{}/credentials", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    let page = visitor.get(&format!("{list}/new")).await;
    let (token, once) = (hidden(&page, "csrf_token"), hidden(&page, "once"));
    let send = async |label: &'static str, once: &str| {
        let fields = [
            ("csrf_token", token.as_str()),
            ("once", once),
            ("extcred_provider", "generic"),
            ("extcred_type", "api_key"),
            ("extcred_label", label),
            ("json_blob.api_key", "secret"),
        ];
        visitor.post(&list, &fields).await
    };
    let (first, again) = (send("twice", &once).await, send("twice", &once).await);
    assert_eq!((first.status, again.status), (303, 303), "{}", again.text);
    assert_eq!(first.location, again.location);
    let other = send("other", &once).await;
    assert_eq!(other.status, 409, "{}", other.text);
    assert!(other.text.contains("was sent before, with other contents"));
    assert_eq!(send("none", "").await.status, 400);
    assert!(!visitor.get(&list).await.text.contains("other</a>"));
    let next = visitor.get(&format!("{list}/new")).await;
    assert_ne!(hidden(&next, "once"), once);
    assert_eq!(send("twice", &hidden(&next, "once")).await.status, 303);
}

#[tokio::test]
async fn views_of_a_credential_do_not_hide_its_events() {
    let vault = vault().await;
    let id = vault.admin.create("seen").await;
    let path = format!("{}/credentials/{id}", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    let fields = [("reason", "ticket 42")];
    let page = visitor
        .submit(&path, &format!("{path}/reveal"), &fields)
        .await;
    assert_eq!(page.status, 200);
    for _ in 0..9 {
        visitor.get(&path).await;
    }
    let page = visitor.get(&path).await;
    assert!(page.text.contains("ticket 42"), "{}", page.text);
    assert!(page.text.contains("revealed a credential") && page.text.contains("created a"));
    assert!(!page.text.contains("credential.list") && !page.text.contains("listed credentials"));
    assert!(
        !page.text.contains("<dt>Last used</dt><dd>never"),
        "{}",
        page.text
    );
    let reveals = format!("/audit?credential={id}&amp;action=credential.reveal");
    assert!(page.text.contains(&reveals));
    let event = format!("{}/audit/events/", home(&vault.admin));
    let event = page.text.split(&event).nth(1).unwrap();
    let event = format!("/audit/events/{}", event.split('"').next().unwrap());
    let page = visitor.get(&format!("{}{event}", home(&vault.admin))).await;
    assert_eq!(page.status, 200, "{event}");
}

#[tokio::test]
async fn a_view_of_a_credential_is_one_event_that_names_what_was_shown() {
    let vault = vault().await;
    let id = vault.admin.create("seen").await;
    let path = format!("{}/credentials/{id}", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    assert_eq!(visitor.get(&path).await.status, 200);
    let recorded = async |id: &str| {
        let events = "select outcome, details from audit_events where action = \
                      'credential.list' and cred_id = $1::text::uuid";
        let rows = vault.database.connect().await.query(events, &[&id]).await;
        let event = |row: &tokio_postgres::Row| {
            let details: Option<String> = row.get("details");
            let details = details.map(|text| serde_json::from_str(&text).unwrap());
            let details: serde_json::Value = details.unwrap_or_default();
            (row.get::<_, String>("outcome"), details["shown"].clone())
        };
        rows.unwrap().iter().map(event).collect::<Vec<_>>()
    };
    let shown = json!(["metadata", "versions", "readers"]);
    assert_eq!(recorded(&id).await, [("ok".to_owned(), shown)]);
    let absent = "01a1fffb-30c9-754c-b43c-5621c56b928c";
    let path = path.replace(&id, absent);
    assert_eq!(visitor.get(&path).await.status, 404);
    assert_eq!(
        recorded(absent).await,
        [("not_found".to_owned(), json!(null))]
    );
}

#[tokio::test]
async fn a_pending_value_keeps_the_label_and_needs_an_organization_that_keeps_values() {
    let vault = vault().await;
    let body = json!({"extcred_provider": "generic", "extcred_type": "api_key",
        "extcred_label": "label", "json_blob": {"api_key": "first"}});
    let id = vault.admin.create_from(&body).await;
    let edit = format!("{}/credentials/{id}/edit", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    let page = visitor.get(&edit).await;
    assert!(!page.text.contains("name=\"pending\""), "{}", page.text);
    assert!(page.text.contains("keeps former values"));
    keep_values(&vault.admin).await;
    let page = visitor.get(&edit).await;
    assert!(page.text.contains("name=\"pending\""));
    let (token, etag) = (hidden(&page, "csrf_token"), hidden(&page, "etag"));
    let stage = async |label: &'static str| {
        let fields = [
            ("csrf_token", token.as_str()),
            ("etag", &etag),
            ("extcred_label", label),
            ("json_blob.api_key", "pending-secret"),
            ("pending", "1"),
        ];
        visitor.post(&edit, &fields).await
    };
    let page = stage("another").await;
    assert_eq!(page.status, 422, "{}", page.text);
    assert!(
        page.text
            .contains("a pending value has no label of its own")
    );
    assert_eq!(stage("label").await.status, 303);
}

#[tokio::test]
async fn a_question_precedes_what_cannot_be_undone() {
    let vault = vault().await;
    keep_values(&vault.admin).await;
    let id = vault.admin.create("asked").await;
    let change = json!({"json_blob": {"api_key": "second"}});
    let path = format!("{CREDENTIALS}/{id}");
    let patch = reqwest::Method::PATCH;
    vault.admin.call(patch, &path, &change, 204).await;
    let path = format!("{}/credentials/{id}", home(&vault.admin));
    let visitor = Visitor::signed_in(&vault.admin).await;
    let page = visitor.get(&path).await;
    assert!(!page.text.contains("<button class=\"danger\">Destroy"));
    let page = visitor.get(&format!("{path}/versions/1/destroy")).await;
    assert!(page.text.contains("Version 1 (previous)"), "{}", page.text);
    for other in [2, 3] {
        let page = visitor
            .get(&format!("{path}/versions/{other}/destroy"))
            .await;
        assert_eq!(page.status, 404, "{other}");
    }
    let page = visitor.get(&format!("{path}/relay-policy/delete")).await;
    assert_eq!(page.status, 404, "there is no policy");
}

#[tokio::test]
async fn a_path_with_a_slash_at_its_end_leads_to_the_page() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/credentials", home(&vault.admin));
    let paths = [
        ("/console/".to_owned(), "/console".to_owned()),
        ("/console///".to_owned(), "/console".to_owned()),
        (
            format!("{list}/?label=a%20b"),
            format!("{list}?label=a%20b"),
        ),
    ];
    for (path, wanted) in paths {
        let page = visitor.get(&path).await;
        let location = page.location.as_deref();
        assert_eq!(
            (page.status, location),
            (308, Some(wanted.as_str())),
            "{path}"
        );
    }
    assert_eq!(visitor.post("/console/sign-out/", &[]).await.status, 404);
    assert_eq!(visitor.get("/console/nothing").await.status, 404);
}

#[tokio::test]
async fn pages_answer_head_and_name_the_methods_that_they_accept() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let list = format!("{}/credentials", home(&vault.admin));
    let head = visitor.request("HEAD", &list, &[]).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(head.headers().contains_key("content-security-policy"));
    assert_eq!(head.text().await.unwrap(), "");
    for (path, allowed) in [
        (home(&vault.admin), "GET, HEAD"),
        (list, "GET, HEAD, POST"),
        ("/console/sign-out".to_owned(), "POST"),
    ] {
        let answer = visitor.request("DELETE", &path, &[]).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        assert_eq!(answer.headers()["allow"], allowed, "{path}");
    }
}
