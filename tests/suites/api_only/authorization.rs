//! Access to every route by every kind of caller, and the precedence of the error responses.

use std::collections::BTreeSet;

use reqwest::Method;
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

const UNKNOWN_ID: &str = "0190a1b2-0000-7000-8000-0123456789ab";
const BODY: &str =
    r#"{"extcred_provider":"generic","extcred_type":"api_key","json_blob":{"api_key":"k"}}"#;
const CHANGE: &str = r#"{"extcred_label":"new"}"#;

/// A request for an operation: method, path with query, body, and the statuses for an admin and for
/// a member.
type Route = (Method, String, &'static str, u16, u16);

fn routes(id: &str) -> Vec<Route> {
    let one = format!("{CREDENTIALS}/{id}");
    vec![
        (Method::GET, CREDENTIALS.into(), "", 200, 200),
        (Method::POST, CREDENTIALS.into(), BODY, 201, 403),
        (Method::GET, one.clone(), "", 200, 403),
        (Method::PATCH, one, CHANGE, 204, 403),
        (
            Method::DELETE,
            format!("{CREDENTIALS}?credentialId={UNKNOWN_ID}"),
            "",
            204,
            403,
        ),
    ]
}

async fn send(url: &str, headers: &[(&str, &str)], route: &Route) -> reqwest::Response {
    let (method, path, body, ..) = route;
    let mut request = Api::new(url, "", "").bare(method.clone(), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() {
        request = request
            .header("Content-Type", "application/json")
            .body(*body);
    }
    request.send().await.unwrap()
}

fn org(value: &str) -> (&str, &str) {
    ("SlashID-OrgID", value)
}

fn key(value: &str) -> (&str, &str) {
    ("SlashID-API-Key", value)
}

#[tokio::test]
async fn roles_decide_on_every_route() {
    let vault = TestApi::start().await;
    let id = vault.admin.create("secret").await;
    for route in routes(&id) {
        let (method, path, _, admin, member) = &route;
        for (api, expected) in [(&vault.admin, *admin), (&vault.member, *member)] {
            let headers = [org(&api.org), key(&api.key)];
            let answer = send(&api.url, &headers, &route).await;
            if expected == 403 {
                let denied = failure(answer, 403).await;
                assert_eq!(denied.errors[0].1, "forbidden");
            } else {
                assert_eq!(answer.status(), expected, "{method} {path}");
            }
        }
    }
}

/// The headers of unauthenticated callers, by their defect.
fn strangers<'a>(
    own: &'a Api,
    other: &'a Api,
    revoked: &'a str,
    unissued: &'a str,
) -> Vec<(&'static str, Vec<(&'a str, &'a str)>)> {
    let long = Box::leak("k".repeat(5000).into_boxed_str());
    vec![
        ("no headers", vec![]),
        ("no key", vec![org(&own.org)]),
        ("no key, a malformed organization", vec![org("x")]),
        ("an empty key", vec![org(&own.org), key("")]),
        ("a malformed key", vec![org(&own.org), key("sr_admin_x_y")]),
        ("a very long key", vec![org(&own.org), key(long)]),
        (
            "a key that is not ASCII",
            vec![org(&own.org), key("schlüssel")],
        ),
        (
            "two keys",
            vec![org(&own.org), key(&own.key), key(&own.key)],
        ),
        ("a revoked key", vec![org(&own.org), key(revoked)]),
        (
            "a key that was never issued",
            vec![org(&own.org), key(unissued)],
        ),
        ("a malformed key and organization", vec![org("x"), key("y")]),
        (
            "another organization's key",
            vec![org(&own.org), key(&other.key)],
        ),
        (
            "another organization's header",
            vec![org(&other.org), key(&own.key)],
        ),
        (
            "an unknown organization's header",
            vec![org(UNKNOWN_ID), key(&own.key)],
        ),
        (
            "a bearer token",
            vec![org(&own.org), ("Authorization", "Bearer x")],
        ),
    ]
}

/// A well-formed key that another vault issued.
async fn unissued_key() -> String {
    TestApi::start().await.admin.key
}

fn revoke_role(vault: &TestApi, org: &str, role: &str) {
    let keys = vault.keys(org);
    let key = keys.iter().find(|key| key["role"] == role).unwrap();
    vault.revoke(org, key["key_id"].as_str().unwrap());
}

#[tokio::test]
async fn strangers_all_get_one_and_the_same_401() {
    let vault = TestApi::start().await;
    let (other, gone) = vault.new_organization("other");
    revoke_role(&vault, &gone.org, "member");
    // The revoked key is the other organization's, so that its header and its key agree.
    let unissued = unissued_key().await;
    let id = vault.admin.create("secret").await;
    let mut bodies = BTreeSet::new();
    for route in routes(&id) {
        let mut all = strangers(&vault.admin, &other, &gone.key, &unissued);
        all.push(("a revoked key", vec![org(&gone.org), key(&gone.key)]));
        for (who, headers) in all {
            let answer = send(&vault.admin.url, &headers, &route).await;
            let (method, path, ..) = &route;
            assert_eq!(answer.status(), 401, "{who}: {method} {path}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            let mut names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
            // This header depends on whether the request's body was read.
            names.retain(|name| name != "connection");
            names.sort();
            bodies.insert((names, answer.text().await.unwrap()));
        }
    }
    assert_eq!(bodies.len(), 1, "401 answers differ: {bodies:?}");
    let api = &vault.admin;
    assert_eq!(api.secret(&id).await["api_key"], "secret");
    assert_eq!(api.list().await.len(), 1, "a stranger wrote something");
}

#[tokio::test]
async fn the_organization_header_is_checked_after_the_key_and_the_role() {
    let vault = TestApi::start().await;
    let (api, member) = (&vault.admin, &vault.member);
    let id = api.create("secret").await;
    let bad: [Vec<(&str, &str)>; 5] = [
        vec![],
        vec![org("")],
        vec![org("x")],
        vec![org(&api.org), org(&api.org)],
        vec![org(&api.org), org(UNKNOWN_ID)],
    ];
    for route in routes(&id) {
        for headers in &bad {
            let mut with_key = headers.clone();
            with_key.push(key(&api.key));
            let failed = failure(send(&api.url, &with_key, &route).await, 400).await;
            assert_eq!(failed.fields(), ["SlashID-OrgID"]);
            let answer = send(&api.url, headers, &route).await;
            assert_eq!(answer.status(), 401, "{headers:?}");
            with_key.pop();
            with_key.push(key(&member.key));
            let expected = if route.4 == 403 { 403 } else { 400 };
            let answer = send(&api.url, &with_key, &route).await;
            assert_eq!(answer.status(), expected, "{headers:?}");
        }
    }
    assert_eq!(
        api.list().await.len(),
        1,
        "a refused request wrote something"
    );
}

/// Requests that are invalid in path, query or body: method, path, body.
fn wrong_in_every_way() -> [(Method, String, &'static str); 4] {
    [
        (Method::POST, CREDENTIALS.into(), "{not json"),
        (Method::GET, format!("{CREDENTIALS}/no-uuid"), ""),
        (Method::PATCH, format!("{CREDENTIALS}/no-uuid"), "[]"),
        (Method::DELETE, format!("{CREDENTIALS}?credentialId=x"), ""),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_to_those_who_may_make_it() {
    let vault = TestApi::start().await;
    for (method, path, body) in wrong_in_every_way() {
        let bad_header = |request: reqwest::RequestBuilder| async move {
            let request = request.header("SlashID-Required-Consistency", "everywhere");
            let request = request.header("Content-Type", "application/json");
            request.body(body).send().await.unwrap()
        };
        let member = vault.member.request(method.clone(), &path);
        assert_eq!(bad_header(member).await.status(), 403, "{method} {path}");
        let anonymous = vault.admin.bare(method.clone(), &path);
        assert_eq!(bad_header(anonymous).await.status(), 401, "{method} {path}");
        let admin = vault.admin.request(method.clone(), &path);
        assert_eq!(bad_header(admin).await.status(), 400, "{method} {path}");
    }
    // Input is checked before existence.
    let missing = format!("{CREDENTIALS}/{UNKNOWN_ID}");
    let answer = vault.admin.send(Method::PATCH, &missing, "{}").await;
    failure(answer, 400).await;
    let answer = vault.admin.send(Method::PATCH, &missing, CHANGE).await;
    failure(answer, 404).await;
}

#[tokio::test]
async fn another_organizations_credential_does_not_exist() {
    let vault = TestApi::start().await;
    let (other, _) = vault.new_organization("other");
    let id = vault.admin.create("mine").await;
    for (method, body) in [(Method::GET, ""), (Method::PATCH, CHANGE)] {
        let mut answers = Vec::new();
        for id in [id.as_str(), UNKNOWN_ID] {
            let path = format!("{CREDENTIALS}/{id}");
            let answer = other.send(method.clone(), &path, body).await;
            answers.push(failure(answer, 404).await.body);
        }
        assert_eq!(answers[0], answers[1]);
    }
    let query = format!("credentialId={id}");
    assert_eq!(other.delete(&query).await.status(), 204);
    assert_eq!(other.delete("deleteAll=true").await.status(), 204);
    assert_eq!(other.list().await.len(), 0);
    assert_eq!(vault.admin.secret(&id).await["api_key"], "mine");
}
