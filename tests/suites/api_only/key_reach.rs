//! A key that reaches some credentials: on every call, the others do not exist.

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

fn credential(label: &str, provider: &str) -> Value {
    json!({
        "extcred_provider": provider,
        "extcred_type": "api_key",
        "extcred_label": label,
        "json_blob": {"api_key": label},
    })
}

struct Scene {
    vault: TestApi,
    inside: Vec<String>,
    outside: Vec<String>,
}

impl Scene {
    async fn new() -> Self {
        let vault = TestApi::start().await;
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for n in 0..5 {
            let body = credential(&format!("shop/{n}"), "shopify");
            inside.push(vault.admin.create_from(&body).await);
            for (label, provider) in [("shop/x", "generic"), ("other", "shopify")] {
                outside.push(vault.admin.create_from(&credential(label, provider)).await);
            }
        }
        Self {
            vault,
            inside,
            outside,
        }
    }

    async fn holder(&self, reach: Value) -> Api {
        let permissions = [
            "credentials:list",
            "credentials:reveal",
            "credentials:write",
            "credentials:delete",
        ];
        let body = json!({"permissions": permissions, "credentials": reach});
        self.vault.admin.issue(body).await.0
    }
}

fn shops() -> Value {
    json!({"providers": ["shopify", "google"], "types": ["api_key"], "label_prefix": "shop/"})
}

async fn ids(api: &Api, query: &str) -> (Vec<String>, Value) {
    let answer = api.get(&format!("{CREDENTIALS}?{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    let body: Value = answer.json().await.unwrap();
    let ids = body["result"].as_array().unwrap().iter();
    let ids = ids.map(|one| one["external_cred_id"].as_str().unwrap().to_owned());
    (ids.collect(), body["meta"].clone())
}

#[tokio::test]
async fn lists_pages_counts_and_filters_show_what_is_reached() {
    let scene = Scene::new().await;
    for reach in [shops(), json!({"ids": scene.inside})] {
        let holder = scene.holder(reach).await;
        let (all, meta) = ids(&holder, "limit=2&offset=1").await;
        assert_eq!(all, scene.inside[1..3]);
        assert_eq!(meta["pagination"]["total_count"], 5);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let (page, meta) = ids(&holder, &format!("limit=2&cursor={cursor}")).await;
            seen.extend(page);
            cursor = meta["cursor_pagination"]["cursor"]
                .as_str()
                .unwrap()
                .to_owned();
            if cursor.is_empty() {
                break;
            }
        }
        assert_eq!(seen, scene.inside);
        let (found, _) = ids(&holder, "extcred_label=shop/3").await;
        assert_eq!(found, scene.inside[3..4]);
        assert_eq!(ids(&holder, "extcred_label=other").await.0, [""; 0]);
        assert_eq!(ids(&holder, "extcred_provider=generic").await.0, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_not_reached_does_not_exist() {
    let scene = Scene::new().await;
    let holder = scene.holder(shops()).await;
    assert_eq!(holder.secret(&scene.inside[0]).await["api_key"], "shop/0");
    for id in &scene.outside {
        let found = failure(holder.reveal(id).await, 404).await;
        let unknown = "0190a1b2-0000-7000-8000-0123456789ab";
        let absent = failure(holder.reveal(unknown).await, 404).await;
        assert_eq!(found.body, absent.body);
        let change = json!({"extcred_label": "shop/new"});
        failure(holder.patch(id, &change).await, 404).await;
        assert_eq!(
            holder.delete(&format!("credentialId={id}")).await.status(),
            204
        );
        assert_eq!(scene.vault.admin.reveal(id).await.status(), 200);
    }
    let query = format!("credentialId={}", scene.inside[4]);
    assert_eq!(holder.delete(&query).await.status(), 204);
    assert_eq!(
        scene.vault.admin.reveal(&scene.inside[4]).await.status(),
        404
    );
    assert_eq!(holder.delete("deleteAll=true").await.status(), 204);
    assert_eq!(ids(&holder, "").await.0, [""; 0]);
    assert_eq!(
        ids(&scene.vault.admin, "").await.0.len(),
        scene.outside.len()
    );
}

#[tokio::test]
async fn nothing_is_made_or_moved_outside() {
    let scene = Scene::new().await;
    let holder = scene.holder(shops()).await;
    let made = holder.create_from(&credential("shop/new", "google")).await;
    assert_eq!(holder.secret(&made).await["api_key"], "shop/new");
    for body in [
        credential("shop", "shopify"),
        credential("shop/1", "onfido"),
    ] {
        failure(holder.post(&body).await, 403).await;
    }
    let moved = json!({"extcred_label": "elsewhere"});
    failure(holder.patch(&made, &moved).await, 403).await;
    let changed = json!({"extcred_label": "shop/newer", "json_blob": {"api_key": "two"}});
    assert_eq!(holder.patch(&made, &changed).await.status(), 204);
    assert_eq!(holder.secret(&made).await["api_key"], "two");
    let count = ids(&scene.vault.admin, "").await.0.len();
    assert_eq!(count, scene.inside.len() + scene.outside.len() + 1);
    let by_id = scene.holder(json!({"ids": [made]})).await;
    failure(by_id.post(&credential("shop/1", "shopify")).await, 403).await;
}

#[tokio::test]
async fn users_keys_are_credentials_like_others() {
    let scene = Scene::new().await;
    let holder = scene.holder(json!({"label_prefix": "pieces/mine"})).await;
    let send = async |api: &Api, call: &str, user: &str, open_ai: Value| {
        let path = format!("/external_provider/api_key/{call}");
        let body = json!({"user": user, "open_AI": open_ai});
        let request = api
            .bare(Method::POST, &path)
            .header("X-Application-ID", &api.key);
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let key = json!({"api_key": "k1"});
    assert_eq!(send(&holder, "create", "mine/1", key.clone()).await.0, 200);
    assert_eq!(send(&holder, "create", "yours", key.clone()).await.0, 403);
    assert_eq!(
        send(&scene.vault.admin, "create", "yours", key.clone())
            .await
            .0,
        200
    );
    assert_eq!(send(&holder, "update", "yours", key.clone()).await.0, 403);
    assert_eq!(send(&holder, "delete", "yours", json!(true)).await.0, 200);
    let (_, kept) = send(&scene.vault.admin, "update", "yours", json!({})).await;
    assert!(kept.contains("k1"), "{kept}");
    // Without the permission to reveal, a stored key is not answered.
    let (writer, _) = scene.vault.admin.issue(json!({"role": "writer"})).await;
    let (status, kept) = send(&writer, "update", "yours", json!({"api_key_name": "n"})).await;
    assert_eq!(status, 200, "{kept}");
    assert!(!kept.contains("k1"), "{kept}");
    assert_eq!(send(&writer, "delete", "yours", json!(true)).await.0, 403);
}
