//! Lists in other orders than that of creation, and searches by label.

use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

async fn page(api: &Api, query: &str) -> Value {
    let answer = api.get(&format!("{CREDENTIALS}?{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    answer.json().await.unwrap()
}

fn labels(page: &Value) -> Vec<&str> {
    let items = page["result"].as_array().unwrap().iter();
    items
        .map(|item| item["extcred_label"].as_str().unwrap())
        .collect()
}

async fn create(api: &Api, label: &str, expires_at: Option<&str>) -> String {
    let mut body = json!({
        "extcred_provider": "generic", "extcred_type": "api_key",
        "extcred_label": label, "json_blob": {"api_key": "k"},
    });
    if let Some(at) = expires_at {
        body["expires_at"] = at.into();
    }
    api.create_from(&body).await
}

/// The labels of all pages of `limit` credentials.
async fn walk(api: &Api, query: &str, limit: usize) -> Vec<String> {
    let (mut cursor, mut walked) = (String::new(), Vec::new());
    loop {
        let page = page(api, &format!("{query}&limit={limit}&cursor={cursor}")).await;
        walked.extend(labels(&page).into_iter().map(str::to_owned));
        let next = page["meta"]["cursor_pagination"]["cursor"].as_str();
        cursor = next.unwrap().to_owned();
        if cursor.is_empty() {
            return walked;
        }
        assert!(walked.len() < 100, "pages repeat: {walked:?}");
    }
}

const IN_2040: Option<&str> = Some("2040-01-01T00:00:00Z");
const IN_2041: Option<&str> = Some("2041-01-01T00:00:00Z");

#[tokio::test]
async fn every_order_has_pages_that_hold_each_credential_once() {
    let vault = TestApi::start().await;
    let (api, member) = (&vault.admin, &vault.member);
    for (label, expires_at) in [
        ("Zoo", IN_2041),
        ("apple", None),
        ("Ärger", IN_2040),
        ("", IN_2040),
        ("Apple 2", None),
        ("zoo 2", IN_2041),
    ] {
        create(api, label, expires_at).await;
    }
    let (in_order, reversed) = (
        ["", "apple", "Apple 2", "Zoo", "zoo 2", "Ärger"],
        ["Ärger", "zoo 2", "Zoo", "Apple 2", "apple", ""],
    );
    let cases = [
        ("created", ["Zoo", "apple", "Ärger", "", "Apple 2", "zoo 2"]),
        (
            "-created",
            ["zoo 2", "Apple 2", "", "Ärger", "apple", "Zoo"],
        ),
        ("extcred_label", in_order),
        ("-extcred_label", reversed),
        (
            "expires_at",
            ["Ärger", "", "Zoo", "zoo 2", "apple", "Apple 2"],
        ),
        (
            "-expires_at",
            ["Apple 2", "apple", "zoo 2", "Zoo", "", "Ärger"],
        ),
    ];
    for (sort, expected) in cases {
        for limit in [1, 2, 5, 6, 7] {
            let walked = walk(member, &format!("sort={sort}"), limit).await;
            assert_eq!(walked, expected, "{sort}, {limit}");
        }
        let third = page(member, &format!("sort={sort}&limit=2&offset=2")).await;
        assert_eq!(labels(&third), expected[2..4], "{sort}");
        assert_eq!(third["meta"]["pagination"]["total_count"], 6, "{sort}");
    }
}

#[tokio::test]
async fn a_page_continues_where_it_ended_although_others_write() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    for label in ["b", "d", "f"] {
        create(api, label, None).await;
    }
    let first = page(api, "sort=extcred_label&limit=2&cursor=").await;
    assert_eq!(labels(&first), ["b", "d"]);
    let last = first["result"][1]["external_cred_id"].as_str().unwrap();
    for label in ["a", "c", "e"] {
        create(api, label, None).await;
    }
    let deleted = api.delete(&format!("credentialId={last}")).await;
    assert_eq!(deleted.status(), 204);
    let cursor = first["meta"]["cursor_pagination"]["cursor"]
        .as_str()
        .unwrap();
    let rest = page(api, &format!("sort=extcred_label&cursor={cursor}")).await;
    assert_eq!(labels(&rest), ["e", "f"]);
}

#[tokio::test]
async fn labels_are_found_by_a_part_of_them() {
    let vault = TestApi::start().await;
    let (api, member) = (&vault.admin, &vault.member);
    let (other, _) = vault.new_organization("other");
    create(&other, "customer 42", None).await;
    let script = "\"><img src=x onerror=alert(1)>";
    for label in [
        "Customer 42",
        "customer 421",
        "100%",
        "a_b",
        "axb",
        "ÉTÉ",
        script,
    ] {
        create(api, label, None).await;
    }
    create(api, "", None).await;
    let found = async |part: &str| {
        let part: String = url(part);
        let page = page(member, &format!("label_contains={part}")).await;
        let labels = labels(&page).into_iter().map(str::to_owned).collect();
        let total = page["meta"]["pagination"]["total_count"].as_u64().unwrap();
        let labels: Vec<String> = labels;
        assert_eq!(total, labels.len() as u64);
        labels
    };
    assert_eq!(found("CUSTOMER 42").await, ["Customer 42", "customer 421"]);
    assert_eq!(found("%").await, ["100%"]);
    assert_eq!(found("a_b").await, ["a_b"]);
    assert_eq!(found("été").await, ["ÉTÉ"]);
    assert_eq!(found(script).await, [script]);
    assert_eq!(found("' or true --").await, Vec::<String>::new());
    let both = page(member, "label_contains=a&extcred_label=a_b&sort=-created").await;
    assert_eq!(labels(&both), ["a_b"]);
    let (narrow, _) = api
        .issue(json!({"role": "member", "credentials": {"label_prefix": "a"}}))
        .await;
    let seen = page(&narrow, "label_contains=b&sort=extcred_label").await;
    assert_eq!(labels(&seen), ["a_b", "axb"]);
    let seen = page(&narrow, "label_contains=customer").await;
    assert_eq!(labels(&seen), Vec::<&str>::new());
}

fn url(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn deleted_credentials_are_searched_and_sorted_as_well() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let config = json!({"recovery_days": 7});
    let path = "/organizations/config";
    api.call(reqwest::Method::PATCH, path, &config, 204).await;
    for label in ["b", "a", "ab"] {
        let id = create(api, label, None).await;
        api.delete(&format!("credentialId={id}")).await;
    }
    create(api, "live", None).await;
    let query = "deleted=true&label_contains=a&sort=-extcred_label";
    let deleted = page(api, query).await;
    assert_eq!(labels(&deleted), ["ab", "a"]);
    assert!(deleted["result"][0]["deleted_at"].is_string(), "{deleted}");
    assert_eq!(labels(&page(api, "sort=extcred_label").await), ["live"]);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_order_and_filter() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    for label in ["a", "b", "c"] {
        create(api, label, None).await;
    }
    let cursor = async |query: &str| {
        let page = page(api, &format!("{query}&limit=1&cursor=")).await;
        let cursor = page["meta"]["cursor_pagination"]["cursor"].as_str();
        cursor.unwrap().to_owned()
    };
    let sorted = cursor("sort=extcred_label").await;
    let plain = cursor("").await;
    let long = "x".repeat(257);
    let refused = [
        (format!("sort=-extcred_label&cursor={sorted}"), "cursor"),
        (format!("cursor={sorted}"), "cursor"),
        (format!("sort=extcred_label&cursor={plain}"), "cursor"),
        (format!("label_contains=a&cursor={plain}"), "cursor"),
        (
            format!("sort=extcred_label&deleted=true&cursor={sorted}"),
            "cursor",
        ),
        (
            format!("sort=extcred_label&extcred_provider=google&cursor={sorted}"),
            "cursor",
        ),
        ("sort=label".into(), "sort"),
        ("sort=".into(), "sort"),
        ("label_contains=".into(), "label_contains"),
        (format!("label_contains={long}"), "label_contains"),
        ("label_contains=%00".into(), "label_contains"),
    ];
    for (query, field) in refused {
        let answer = api.get(&format!("{CREDENTIALS}?{query}")).await;
        assert_eq!(failure(answer, 400).await.fields(), [field], "{query}");
    }
    for filter in ["label_contains=a", "sort=extcred_label"] {
        let answer = api.delete(&format!("deleteAll=true&{filter}")).await;
        failure(answer, 400).await;
    }
    assert_eq!(api.list().await.len(), 3);
}
