//! No page has more than 60 KiB, whatever labels, names and reasons are.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestVault};

use super::support::{Page, Visitor, home, vault};

/// The longest label or name. Each of its characters has five bytes in HTML.
fn longest() -> String {
    "\"".repeat(256)
}

/// The page at `path`, which is not too long.
async fn small(visitor: &Visitor, path: &str) -> Page {
    let page = visitor.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    let bytes = page.text.len();
    assert!(bytes < 60 << 10, "{path} has {bytes} bytes");
    page
}

/// The pages of a list from `path` on, each of which is not too long. Returns their rows.
async fn all_small(visitor: &Visitor, path: &str) -> usize {
    let (mut next, mut rows) = (Some(path.to_owned()), 0);
    while let Some(path) = next {
        let page = small(visitor, &path).await;
        rows += page.text.matches("<th scope=\"row\"").count();
        let before = page.text.split("\" rel=\"next\"").next();
        let before = before.filter(|before| before.len() < page.text.len());
        let link = before.map(|before| before.rsplit('"').next().unwrap());
        next = link.map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
    }
    rows
}

async fn issue_named(api: &Api, body: &Value) -> Api {
    let mut body = body.clone();
    body["name"] = longest().into();
    let path = "/organizations/api-keys";
    let made = api.call(Method::POST, path, &body, 201).await;
    api.with_key(made["api_key"].as_str().unwrap())
}

fn body(label: &str) -> Value {
    json!({"extcred_provider": "generic", "extcred_type": "api_key",
        "extcred_label": label, "json_blob": {"api_key": "k"}})
}

#[tokio::test]
async fn lists_of_credentials_are_small() {
    let vault = vault().await;
    let api = &vault.admin;
    let keep = json!({"recovery_days": 7});
    let patch = Method::PATCH;
    api.call(patch, "/organizations/config", &keep, 204).await;
    for _ in 0..45 {
        let mut body = body(&longest());
        body["expires_at"] = "2199-01-01T00:00:00Z".into();
        let id = api.create_from(&body).await;
        api.secret(&id).await;
    }
    let visitor = Visitor::signed_in(api).await;
    let list = format!("{}/credentials", home(api));
    let search = "%22".repeat(256);
    for query in ["", "?sort=extcred_label", "?sort=-last_used_at"] {
        assert_eq!(all_small(&visitor, &format!("{list}{query}")).await, 45);
    }
    let found = format!("{list}?sort=extcred_label&label={search}");
    assert_eq!(all_small(&visitor, &found).await, 45);
    assert_eq!(api.delete("deleteAll=true").await.status(), 204);
    let deleted = format!("{list}?deleted=1");
    assert_eq!(all_small(&visitor, &deleted).await, 45);
}

/// A credential with as many values, readers and reveals with reasons as its page may show.
async fn busy_credential(vault: &TestVault) -> (Visitor, String) {
    let api = &vault.admin;
    let keep = json!({"versions_kept": 20, "recovery_days": 7});
    let patch = || Method::PATCH;
    api.call(patch(), "/organizations/config", &keep, 204).await;
    let id = api.create_from(&body(&longest())).await;
    let path = format!("{CREDENTIALS}/{id}");
    for version in 0..22 {
        let change = json!({"json_blob": {"api_key": format!("{version}")},
            "expires_at": "2199-01-01T00:00:00Z"});
        api.call(patch(), &path, &change, 204).await;
    }
    let staged = json!({"json_blob": {"api_key": "pending"}});
    let pending = format!("{path}?stage=pending");
    api.send(patch(), &pending, staged.to_string()).await;
    for _ in 0..12 {
        let reader = issue_named(api, &json!({"role": "reader"})).await;
        reader.secret(&id).await;
    }
    let holder = issue_named(api, &json!({"role": "admin"})).await;
    let visitor = Visitor::signed_in(&holder).await;
    let page = format!("{}/credentials/{id}", home(api));
    let reason = "\"".repeat(200);
    for _ in 0..22 {
        let reveal = format!("{page}/reveal");
        let fields = [("reason", reason.as_str())];
        let shown = visitor.submit(&page, &reveal, &fields).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
    }
    (visitor, page)
}

#[tokio::test]
async fn the_page_of_a_busy_credential_is_small_and_so_is_its_trail() {
    let vault = vault().await;
    let (visitor, path) = busy_credential(&vault).await;
    let page = small(&visitor, &path).await;
    assert!(page.text.contains("These are 10 of 13 readers"));
    assert!(page.text.matches("Roll back to this").count() >= 19);
    let events = page.text.split("id=\"events\"").nth(1).unwrap();
    assert!(events.matches("<tr>").count() > 5, "{events}");
    let trail = format!("{}/audit", home(&vault.admin));
    let rows = all_small(&visitor, &format!("{trail}?action=credential.reveal")).await;
    assert_eq!(rows, 12 + 22);
    // What a server would never write.
    let database = vault.database.connect().await;
    let long = "repeat('\"', 2000)";
    let edit = format!(
        "update audit_events set source = {long}, request_id = {long}, outcome = {long}, \
         actor = {long}, details = '{{\"reason\":\"' || repeat('<', 200000) || '\"}}' \
         where action = 'credential.reveal'"
    );
    database.execute(&edit, &[]).await.unwrap();
    small(&visitor, &path).await;
    let page = small(&visitor, &format!("{trail}?action=credential.reveal")).await;
    let event = page.text.split(&format!("href=\"{trail}/events/")).nth(1);
    let event = event.unwrap().split('"').next().unwrap();
    let page = small(&visitor, &format!("{trail}/events/{event}")).await;
    assert!(page.text.contains("This event does not verify."));
    let (lane, seq) = event.split_once('/').unwrap();
    let insert = format!(
        "insert into audit_events select (jsonb_populate_record(null::audit_events, \
           to_jsonb(e) || jsonb_build_object('at', e.at + n * interval '1 minute'))).* \
         from audit_events e, generate_series(1, 9) n where lane = '{lane}' and seq = {seq}"
    );
    database.execute(&insert, &[]).await.unwrap();
    let page = small(&visitor, &format!("{trail}/events/{event}")).await;
    assert_eq!(page.text.matches("This event does not verify.").count(), 10);
}

#[tokio::test]
async fn trees_of_tenants_are_small() {
    let vault = vault().await;
    let root = vault.root();
    let mut names = Vec::new();
    let mut parent = root.clone();
    for depth in 0..48 {
        let tenant = parent.new_suborganization(&longest()).await;
        parent = if depth % 8 == 7 { root.clone() } else { tenant };
        names.push(parent.org.clone());
    }
    let visitor = Visitor::signed_in(&root).await;
    let tenants = format!("{}/tenants", home(&root));
    assert_eq!(all_small(&visitor, &tenants).await, names.len());
}

#[tokio::test]
async fn the_overview_of_many_kinds_and_the_list_of_rotations_are_small() {
    let vault = vault().await;
    let (root, _) = vault.new_organization(&longest());
    root.create("secret").await;
    let database = vault.database.connect().await;
    let kinds = format!(
        "with one as (select * from credentials where org_id = '{}' limit 1), \
         kinds as (select p, t, lpad(to_hex(row_number() over ()), 32, '0')::uuid as id \
           from unnest($1::text[]) p, unnest($2::text[]) t) \
         insert into credentials select (jsonb_populate_record(null::credentials, \
           to_jsonb(one) || jsonb_build_object('provider', p, 'cred_type', t, 'cred_id', id))).* \
         from one, kinds",
        root.org
    );
    let providers: Vec<_> = strongroom_domain::kinds::Provider::ALL
        .iter()
        .map(|one| one.as_str())
        .collect();
    let types: Vec<_> = strongroom_domain::kinds::CredentialType::ALL
        .iter()
        .map(|one| one.as_str())
        .collect();
    database
        .execute(&kinds, &[&providers, &types])
        .await
        .unwrap();
    let rotations = format!(
        "insert into rotations (org_id, generation, re_encrypt, state, rows_total, rows_done, \
         throttle, started_at, updated_at, finished_at) select '{}', 1000 + n, true, 'done', 9, 9, \
         null, now(), now(), now() from generate_series(1, 300) n",
        root.org
    );
    database.execute(&rotations, &[]).await.unwrap();
    let visitor = Visitor::signed_in(&root).await;
    let page = small(&visitor, &home(&root)).await;
    assert!(page.text.contains("By provider and type"));
    small(&visitor, &format!("{}/settings", home(&root))).await;
}
