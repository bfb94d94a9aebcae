//! Names of keys and clients beside their ids.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS};

use super::support::{Visitor, home, vault};

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>";
const ESCAPED: &str = "&#34;&#62;&#60;img src=x onerror=alert(1)&#62;";

/// Issues a key; returns its holder and its id.
async fn issue(api: &Api, mut body: Value, name: &str) -> (Api, String) {
    body["name"] = name.into();
    let made = api
        .call(Method::POST, "/organizations/api-keys", &body, 201)
        .await;
    let text = |member: &str| made[member].as_str().unwrap();
    (api.with_key(text("api_key")), text("key_id").to_owned())
}

/// An actor as pages show it to one who may read its events.
fn linked(api: &Api, name: &str, id: &str) -> String {
    let trail = format!("{}/audit", home(api));
    format!("<a href=\"{trail}?actor={id}\">{name} <code>{id}</code></a>")
}

/// The pages that name a reader of the credential `id`: its own, the trail, one event.
async fn pages(visitor: &Visitor, api: &Api, id: &str) -> Vec<String> {
    let credential = visitor
        .get(&format!("{}/credentials/{id}", home(api)))
        .await;
    let trail = format!("{}/audit", home(api));
    let listed = visitor
        .get(&format!("{trail}?action=credential.reveal"))
        .await;
    let event = listed.text.split(&format!("href=\"{trail}/events/")).nth(1);
    let event = event.unwrap().split('"').next().unwrap();
    let event = visitor.get(&format!("{trail}/events/{event}")).await;
    [credential, listed, event].map(|page| page.text).to_vec()
}

#[tokio::test]
async fn pages_name_the_key_that_read_a_credential_and_lead_to_its_events() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let (reader, reader_id) = issue(api, json!({"role": "reader"}), HOSTILE).await;
    reader.secret(&id).await;
    let visitor = Visitor::signed_in(api).await;
    let wanted = linked(api, ESCAPED, &reader_id);
    let shown = pages(&visitor, api, &id).await;
    for page in &shown {
        assert!(page.contains(&wanted) && !page.contains("<img"), "{page}");
    }
    // Among the readers, as the last user, and as the actor of an event.
    assert_eq!(shown[0].matches(&wanted).count(), 3, "{}", shown[0]);
    let trail = format!("{}/audit?actor={reader_id}", home(api));
    let page = visitor.get(&trail).await.text;
    let name = format!("<p class=\"hint\" id=\"actor-name\">{ESCAPED}</p>");
    assert!(page.contains(&name), "{page}");
    assert!(page.contains(&wanted) && !page.contains("created a credential</td>"));
    // The event of its issue concerns it.
    let issued = format!("{}/audit?action=key.create", home(api));
    assert!(visitor.get(&issued).await.text.contains(&wanted));
}

#[tokio::test]
async fn pages_name_clients_and_the_key_of_the_session() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let client = json!({"client_name": "x".repeat(65), "scopes": ["credentials:reveal"],
        "grant_types": ["client_credentials"]});
    let made = api
        .call(Method::POST, "/oauth2/clients", &client, 201)
        .await;
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let (client_id, secret) = (text("client_id"), text("client_secret"));
    let revealed = api
        .bare(Method::GET, &format!("{CREDENTIALS}/{id}"))
        .basic_auth(&client_id, Some(secret))
        .header("SlashID-OrgID", &api.org)
        .send()
        .await
        .unwrap();
    assert_eq!(revealed.status(), 200);
    let visitor = Visitor::signed_in(api).await;
    let wanted = linked(api, &format!("{}…", "x".repeat(64)), &client_id);
    for page in pages(&visitor, api, &id).await {
        assert!(page.contains(&wanted), "{wanted}: {page}");
    }
    let (holder, own) = issue(api, json!({"role": "admin"}), "support desk").await;
    let page = Visitor::signed_in(&holder).await.get(&home(api)).await.text;
    assert!(page.contains(&linked(api, "support desk", &own)), "{page}");
}

#[tokio::test]
async fn names_are_shown_to_those_who_may_read_the_trail_or_manage_keys() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let (reader, reader_id) = issue(api, json!({"role": "reader"}), "billing job").await;
    reader.secret(&id).await;
    let path = format!("{}/credentials/{id}", home(api));
    let seen_by = async |permissions: Value| {
        let body = json!({"permissions": permissions});
        let (api, _) = issue(api, body, "viewer").await;
        let page = Visitor::signed_in(&api).await.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.text
    };
    let auditor = seen_by(json!(["credentials:list", "audit:read"])).await;
    let wanted = linked(api, "billing job", &reader_id);
    assert!(auditor.contains(&wanted), "{auditor}");
    let manager = seen_by(json!(["credentials:list", "keys:manage"])).await;
    let plain = format!("billing job <code>{reader_id}</code>");
    assert!(manager.contains(&plain) && !manager.contains("?actor="));
    let other = seen_by(json!(["credentials:list"])).await;
    assert!(other.contains(&reader_id) && !other.contains("billing job"));
}

#[tokio::test]
async fn a_key_of_another_organization_or_without_a_row_has_no_name() {
    let vault = vault().await;
    let root = vault.root();
    let tenant = root.new_suborganization("tenant").await;
    let body = json!({"role": "admin", "organizations": "descendants"});
    let (operations, operations_id) = issue(&root, body, "operations").await;
    let id = tenant.create("secret").await;
    operations.acting_in(&tenant.org).secret(&id).await;
    let of_tenant = Visitor::signed_in(&tenant).await;
    for page in pages(&of_tenant, &tenant, &id).await {
        assert!(page.contains(&operations_id), "{page}");
        assert!(!page.contains("operations <code>"), "{page}");
    }
    // The holder of a key of that organization sees it.
    let above = Visitor::signed_in(&operations).await;
    let wanted = linked(&tenant, "operations", &operations_id);
    for page in pages(&above, &tenant, &id).await {
        assert!(page.contains(&wanted), "{page}");
    }
    let (_, gone) = issue(&tenant, json!({"role": "reader"}), "gone").await;
    let issued = format!("{}/audit?action=key.create", home(&tenant));
    let named = linked(&tenant, "gone", &gone);
    assert!(of_tenant.get(&issued).await.text.contains(&named));
    let database = vault.database.connect().await;
    let delete = "delete from api_keys where key_id = $1::text::uuid";
    database.execute(delete, &[&gone]).await.unwrap();
    let page = of_tenant.get(&issued).await.text;
    assert!(page.contains(&format!("<code>{gone}</code>")), "{page}");
    assert!(!page.contains(">gone <"), "{page}");
}
