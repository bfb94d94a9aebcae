//! Lists: pages by offset and by cursor, filters, and members that are never listed.

use std::collections::HashSet;

use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

async fn page(api: &Api, query: &str) -> Value {
    let answer = api.get(&format!("{CREDENTIALS}?{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    answer.json().await.unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["result"].as_array().unwrap();
    let id = |item: &Value| item["external_cred_id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

async fn create_some(api: &Api, count: usize) -> Vec<String> {
    let mut created = Vec::new();
    for n in 0..count {
        created.push(api.create(&format!("secret {n}")).await);
    }
    created
}

#[tokio::test]
async fn pages_by_offset_hold_each_credential_once_in_the_order_of_creation() {
    let vault = TestApi::start().await;
    let created = create_some(&vault.admin, 23).await;
    let all = page(&vault.member, "").await;
    assert_eq!(ids(&all), created);
    let pagination = json!({"pagination": {"limit": 100, "offset": 0, "total_count": 23}});
    assert_eq!(all["meta"], pagination);
    assert_eq!(all["errors"], json!([]));
    let mut walked = Vec::new();
    for offset in (0..30).step_by(5) {
        let page = page(&vault.member, &format!("limit=5&offset={offset}")).await;
        let pagination = json!({"limit": 5, "offset": offset, "total_count": 23});
        assert_eq!(page["meta"]["pagination"], pagination);
        walked.extend(ids(&page));
    }
    assert_eq!(walked, created);
    assert_eq!(
        ids(&page(&vault.member, "limit=1000&offset=22").await),
        created[22..]
    );
    assert_eq!(
        ids(&page(&vault.member, "offset=9223372036854775807").await).len(),
        0
    );
}

#[tokio::test]
async fn pages_by_cursor_hold_each_credential_once_in_the_order_of_creation() {
    let vault = TestApi::start().await;
    let created = create_some(&vault.admin, 20).await;
    for limit in [1, 7, 10, 20, 21] {
        let (mut cursor, mut walked) = (String::new(), Vec::new());
        let mut seen = HashSet::new();
        loop {
            let page = page(&vault.member, &format!("limit={limit}&cursor={cursor}")).await;
            let meta = page["meta"].as_object().unwrap();
            assert!(meta.get("pagination").is_none());
            assert_eq!(meta["cursor_pagination"]["limit"], limit);
            walked.extend(ids(&page));
            cursor = meta["cursor_pagination"]["cursor"]
                .as_str()
                .unwrap()
                .to_owned();
            if cursor.is_empty() {
                break;
            }
            assert!(seen.insert(cursor.clone()), "a cursor is repeated");
        }
        assert_eq!(walked, created, "limit {limit}");
        assert_eq!(seen.len(), (20 - 1) / limit, "limit {limit}");
    }
}

#[tokio::test]
async fn a_cursor_survives_what_happens_meanwhile() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let created = create_some(api, 6).await;
    let first = page(api, "limit=3&cursor=").await;
    for id in &created[..3] {
        api.delete(&format!("credentialId={id}")).await;
    }
    let later = api.create("later").await;
    let cursor = first["meta"]["cursor_pagination"]["cursor"]
        .as_str()
        .unwrap();
    let rest = page(api, &format!("cursor={cursor}")).await;
    let expected = [&created[3..], &[later]].concat();
    assert_eq!(ids(&rest), expected);
}

#[tokio::test]
async fn filters_select_and_combine() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let blob = json!({"api_key": "k", "api_id": "i", "access_token": "t"});
    for provider in ["google", "onfido", "shopify"] {
        for kind in ["api_key", "api_id_access", "access_token"] {
            for label in ["", "a b&c=d", "%ü'"] {
                let body = json!({"extcred_provider": provider, "extcred_type": kind,
                    "extcred_label": label, "json_blob": blob});
                api.create_from(&body).await;
            }
        }
    }
    let cases = [
        ("extcred_provider=google", 9),
        ("extcred_provider=generic", 0),
        ("extcred_type=api_key", 9),
        ("extcred_type=user_pass", 0),
        ("extcred_label=", 9),
        ("extcred_label=a+b%26c%3Dd", 9),
        ("extcred_label=%25%C3%BC%27", 9),
        ("extcred_label=a", 0),
        ("extcred_label=%25", 0),
        ("extcred_provider=onfido&extcred_type=access_token", 3),
        (
            "extcred_provider=onfido&extcred_type=access_token&extcred_label=a%20b%26c%3Dd",
            1,
        ),
    ];
    for (query, count) in cases {
        let found = page(&vault.member, query).await;
        assert_eq!(ids(&found).len(), count, "{query}");
        assert_eq!(found["meta"]["pagination"]["total_count"], count, "{query}");
        let found = page(&vault.member, &format!("{query}&cursor=")).await;
        assert_eq!(ids(&found).len(), count, "{query}");
    }
    let found = page(api, "extcred_provider=shopify&limit=2&offset=8").await;
    assert_eq!(ids(&found).len(), 1);
    assert_eq!(found["meta"]["pagination"]["total_count"], 9);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let vault = TestApi::start().await;
    let cases = [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%2B5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=5&limit=5", "limit"),
        ("offset=-1", "offset"),
        ("offset=x", "offset"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=&offset=0", "offset"),
        ("extcred_provider=aws", "extcred_provider"),
        ("extcred_provider=", "extcred_provider"),
        ("extcred_type=GOOGLE", "extcred_type"),
        ("extcred_label=a&extcred_label=b", "extcred_label"),
        ("extcred_label=%00", "extcred_label"),
        ("extcred_label=a%0Ab", "extcred_label"),
    ];
    for (query, field) in cases {
        for api in [&vault.admin, &vault.member] {
            let answer = api.get(&format!("{CREDENTIALS}?{query}")).await;
            assert_eq!(failure(answer, 400).await.fields(), [field], "{query}");
        }
    }
    let answer = vault
        .member
        .get(&format!("{CREDENTIALS}?limit=0&offset=x&extcred_type=y"))
        .await;
    let failed = failure(answer, 400).await;
    let fields: HashSet<_> = failed.fields().into_iter().collect();
    assert_eq!(fields, HashSet::from(["limit", "offset", "extcred_type"]));
}

#[tokio::test]
async fn a_list_shows_no_secret_and_no_other_organization() {
    let vault = TestApi::start().await;
    let (other, _) = vault.new_organization("other");
    vault.admin.create("canary-of-mine").await;
    let theirs = other.create("canary-of-others").await;
    for query in ["", "?cursor=", "?limit=1"] {
        let answer = vault.member.get(&format!("{CREDENTIALS}{query}")).await;
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("canary") && !text.contains("json_blob"),
            "{text}"
        );
        assert!(!text.contains(&theirs), "{text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        let item = page["result"][0].as_object().unwrap();
        let members: Vec<_> = item.keys().map(String::as_str).collect();
        assert_eq!(
            members,
            [
                "created_at",
                "etag",
                "extcred_label",
                "extcred_provider",
                "extcred_type",
                "external_cred_id",
                "organization_id",
                "updated_at",
                "value_version"
            ]
        );
    }
}
