//! Every operation of the OpenAPI document with every permission, in every relation of
//! organizations.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, TestApi};

const PERMISSIONS: [&str; 9] = [
    "credentials:list",
    "credentials:reveal",
    "credentials:write",
    "credentials:delete",
    "credentials:use",
    "audit:read",
    "keys:manage",
    "organizations:manage",
    "webhooks:manage",
];

/// An operation: method, path, and the permissions of which its security requirements demand one;
/// none for any valid key.
type Operation = (Method, String, Vec<String>);

async fn operations(api: &Api) -> Vec<Operation> {
    let document = api.bare(Method::GET, "/openapi.json").send().await.unwrap();
    let document: BTreeMap<String, Value> = document.json().await.unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let by_key = |one: &&Value| one.get("SlashID-API-Key").is_some();
            let requirements = operation["security"].as_array();
            let requirements = requirements.into_iter().flatten().filter(by_key);
            let scopes = |one: &Value| one["SlashID-API-Key"].as_array().unwrap().clone();
            let scopes: Vec<_> = requirements.map(scopes).collect();
            if scopes.is_empty() {
                continue;
            }
            let permissions = scopes.iter().flatten();
            let permissions = permissions.map(|one| one.as_str().unwrap().to_owned());
            let method = method.to_uppercase().parse().unwrap();
            operations.push((method, path.clone(), permissions.collect()));
        }
    }
    assert!(operations.len() > 20, "{}", operations.len());
    operations
}

/// The status of a request that is refused for its body or query, if it is not refused before.
async fn status(api: &Api, (method, path, _): &Operation) -> u16 {
    let path = path
        .split('/')
        .map(|part| {
            if part.starts_with('{') {
                "no-uuid"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/");
    let pieces = path.starts_with("/external_provider");
    let request = match pieces {
        true => api
            .bare(method.clone(), &path)
            .header("X-Application-ID", &api.key),
        false => api.request(method.clone(), &format!("{path}?unknown=1")),
    };
    let answer = request.json(&json!([])).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn every_operation_requires_its_permission() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let operations = operations(&root).await;
    for permission in PERMISSIONS {
        let body = json!({"permissions": [permission], "organizations": "descendants"});
        let (holder, _) = root.issue(body).await;
        for operation in &operations {
            let required = &operation.2;
            let lacks = !required.is_empty() && !required.iter().any(|one| one == permission);
            let expected = if lacks { 403 } else { 400 };
            let got = status(&holder, operation).await;
            assert_eq!(got, expected, "{permission}: {operation:?}");
        }
    }
}

#[tokio::test]
async fn every_operation_is_closed_to_other_organizations() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let parent = root.new_suborganization("parent").await;
    let in_parent = root.acting_in(&parent.org);
    let below = json!({"role": "admin", "organizations": "descendants"});
    let (own, _) = in_parent.issue(below).await;
    let child = in_parent.new_suborganization("child").await;
    let grandchild = own
        .acting_in(&child.org)
        .new_suborganization("grandchild")
        .await;
    let sibling = root.new_suborganization("sibling").await;
    let (stranger, _) = vault.new_organization("stranger");
    for operation in operations(&root).await {
        // The Pieces API names no organization.
        if operation.1.starts_with("/external_provider") {
            continue;
        }
        for (place, expected) in [
            (&own, 400),
            (&child, 400),
            (&grandchild, 400),
            (&root, 401),
            (&sibling, 401),
            (&stranger, 401),
        ] {
            let got = status(&own.acting_in(&place.org), &operation).await;
            assert_eq!(got, expected, "in {}: {operation:?}", place.org);
        }
        // Without `descendants`, a key acts in its own organization alone.
        assert_eq!(status(&parent.acting_in(&child.org), &operation).await, 401);
    }
}
