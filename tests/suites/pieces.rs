//! The Pieces surface: requests that its published clients do not send.

mod anonymous;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use strongroom_e2e::{Api, TestVault};

async fn call(api: &Api, operation: &str, body: &Value) -> Response {
    let path = format!("/external_provider/api_key/{operation}");
    let request = api
        .bare(Method::POST, &path)
        .header("X-Application-ID", &api.key);
    request.json(body).send().await.unwrap()
}

async fn open_ai(api: &Api, operation: &str, body: &Value) -> Value {
    let answer = call(api, operation, body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    answer["metadata"]["open_AI"].clone()
}

#[tokio::test]
async fn both_surfaces_see_one_credential() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let given = json!({"api_key": "k1", "api_key_name": "n"});
    assert_eq!(
        open_ai(api, "create", &json!({"user": "ann", "open_AI": given})).await,
        given
    );

    let listed = vault.member.list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["extcred_label"], "pieces/ann");
    assert_eq!(listed[0]["extcred_provider"], "generic");
    assert_eq!(listed[0]["extcred_type"], "api_key");
    let id = listed[0]["external_cred_id"].as_str().unwrap();
    let revealed: Value = api.reveal(id).await.json().await.unwrap();
    assert_eq!(revealed["result"]["json_blob"], given);

    // After a change of label and blob, the user's key is still the same credential.
    let blob = json!({"apiKey": "k2", "more": 12345678901234567890_u64});
    let change = json!({"extcred_label": "other", "json_blob": blob});
    assert_eq!(api.patch(id, &change).await.status(), 204);
    let merged = open_ai(
        api,
        "update",
        &json!({"user": "ann", "open_AI": {"api_key_name": "m"}}),
    )
    .await;
    assert_eq!(merged, json!({"api_key": "k2", "api_key_name": "m"}));
    let revealed = api.reveal(id).await.text().await.unwrap();
    assert!(
        revealed.contains("\"more\":12345678901234567890"),
        "{revealed}"
    );
    assert_eq!(api.list().await.len(), 1);

    assert_eq!(
        api.delete(&format!("credentialId={id}")).await.status(),
        204
    );
    let left = open_ai(api, "delete", &json!({"user": "ann"})).await;
    assert_eq!(left, Value::Null);
}

#[tokio::test]
async fn create_replaces_and_update_merges() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let full = json!({"api_key": "k", "api_key_name": "n", "organization_key": "o"});
    open_ai(api, "create", &json!({"user": "u", "open_AI": full})).await;
    let same = open_ai(api, "update", &json!({"user": "u"})).await;
    assert_eq!(same, full);
    let replaced = open_ai(
        api,
        "create",
        &json!({"user": "u", "open_AI": {"api_key": "l"}}),
    )
    .await;
    assert_eq!(replaced, json!({"api_key": "l"}));
    let untouched = open_ai(api, "create", &json!({"user": "u"})).await;
    assert_eq!(untouched, json!({"api_key": "l"}));
}

/// Invalid bodies, each with a text of the answer.
const BAD_BODIES: [(&str, &str); 14] = [
    ("{}", "user"),
    (r#"{"user": ""}"#, "user"),
    (r#"{"user": 7}"#, "user"),
    (r#"{"user": null}"#, "user"),
    (
        r#"{"user": "a\u0000b", "open_AI": {"api_key": "k"}}"#,
        "user",
    ),
    ("[]", "object"),
    (r#""x""#, "object"),
    (r#"{"user": "u", "open_AI": "k"}"#, "open_AI"),
    (
        r#"{"user": "u", "open_AI": {"api_key": 1}}"#,
        "open_AI.api_key",
    ),
    (
        r#"{"user": "u", "open_AI": {"api_key": ""}}"#,
        "open_AI.api_key",
    ),
    (
        r#"{"user": "u", "open_AI": {"api_key_name": "n"}}"#,
        "open_AI.api_key",
    ),
    (
        r#"{"user": "u", "open_AI": {"api_key": "k", "x": 1}}"#,
        "open_AI.x",
    ),
    (r#"{"user": "u", "y": 1, "open_AI": {"api_key": "k"}}"#, "y"),
    (
        r#"{"user": "u", "schema": {}, "open_AI": {"api_key": "k"}}"#,
        "schema",
    ),
];

async fn is_refused(api: &Api, operation: &str, body: &Value, named: &str) {
    let answer = call(api, operation, body).await;
    assert_eq!(answer.status(), 400, "{operation} {body}");
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain"), "{kind}");
    let text = answer.text().await.unwrap();
    assert!(text.contains(named), "{operation} {body}: {text}");
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let parsed = BAD_BODIES.map(|(body, named)| (serde_json::from_str(body).unwrap(), named));
    let too_long = (json!({"user": "u".repeat(257)}), "user");
    for (body, named) in parsed.into_iter().chain([too_long]) {
        for operation in ["create", "update"] {
            is_refused(api, operation, &body, named).await;
        }
    }
    let answer = call(api, "delete", &json!({"user": "u", "open_AI": {}})).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("open_AI"));
    assert!(api.list().await.is_empty());
}

#[tokio::test]
async fn the_longest_user_is_taken() {
    let vault = TestVault::start().await;
    let user = "ü".repeat(256);
    let body = json!({"user": user, "open_AI": {"api_key": "k"}});
    let answer: Value = call(&vault.admin, "create", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["metadata"]["global_id"], user);
    assert_eq!(
        vault.admin.list().await[0]["extcred_label"],
        format!("pieces/{user}")
    );
}

#[tokio::test]
async fn the_key_names_the_organization() {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    open_ai(
        &vault.admin,
        "create",
        &json!({"user": "u", "open_AI": {"api_key": "mine"}}),
    )
    .await;
    let theirs = open_ai(&other, "delete", &json!({"user": "u", "open_AI": false})).await;
    assert_eq!(theirs, Value::Null);
    open_ai(&other, "delete", &json!({"user": "u", "open_AI": true})).await;
    let mine = open_ai(&vault.admin, "delete", &json!({"user": "u"})).await;
    assert_eq!(mine, json!({"api_key": "mine"}));
    assert_eq!(
        call(&vault.member, "create", &json!({"user": "u"}))
            .await
            .status(),
        403
    );
}

#[tokio::test]
async fn racing_creates_leave_one_key_and_users_never_mix() {
    let vault = TestVault::start().await;
    let second = vault.start_server(&[]);
    vault.ready(&second.url()).await;
    let mut racing = tokio::task::JoinSet::new();
    for round in 0..60 {
        let url = if round % 2 == 0 {
            vault.admin.url.clone()
        } else {
            second.url()
        };
        let api = vault.admin.at(&url);
        let (user, operation) = (
            format!("u{}", round % 3),
            ["create", "update"][round / 2 % 2],
        );
        racing.spawn(async move {
            let key = format!("{user} key {round}");
            let body = json!({"user": user, "open_AI": {"api_key": key}});
            assert_eq!(
                open_ai(&api, operation, &body).await,
                json!({"api_key": key})
            );
        });
    }
    while let Some(done) = racing.join_next().await {
        done.unwrap();
    }
    assert_eq!(vault.admin.list().await.len(), 3);
    for user in ["u0", "u1", "u2"] {
        let kept = open_ai(&vault.admin, "delete", &json!({"user": user})).await;
        assert!(
            kept["api_key"].as_str().unwrap().starts_with(user),
            "{kept}"
        );
    }
}

#[tokio::test]
async fn answers_with_a_key_in_them_are_recorded_as_reveals() {
    let vault = TestVault::start().await;
    open_ai(
        &vault.admin,
        "create",
        &json!({"user": "u", "open_AI": {"api_key": "k"}}),
    )
    .await;
    open_ai(
        &vault.admin,
        "update",
        &json!({"user": "u", "open_AI": {"api_key_name": "n"}}),
    )
    .await;
    open_ai(
        &vault.admin,
        "delete",
        &json!({"user": "u", "open_AI": true}),
    )
    .await;
    let database = vault.database.connect().await;
    let rows = database
        .query(
            "select action from audit_events where cred_id is not null order by at, seq",
            &[],
        )
        .await
        .unwrap();
    let actions: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        actions,
        [
            "credential.create",
            "credential.reveal",
            "credential.update",
            "credential.reveal",
            "credential.delete"
        ]
    );
}

#[tokio::test]
async fn a_row_moved_to_another_user_does_not_open() {
    let vault = TestVault::start().await;
    for user in ["ann", "bob"] {
        let body = json!({"user": user, "open_AI": {"api_key": user}});
        open_ai(&vault.admin, "create", &body).await;
    }
    let database = vault.database.connect().await;
    database
        .batch_execute(
            "update credentials set pieces_user = 'tmp' where pieces_user = 'ann'; \
             update credentials set pieces_user = 'ann' where pieces_user = 'bob'",
        )
        .await
        .unwrap();
    let answer = call(&vault.admin, "delete", &json!({"user": "ann"})).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.text().await.unwrap(), "Internal Server Error");
}
