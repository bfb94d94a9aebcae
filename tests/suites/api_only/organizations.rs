//! The tree of organizations over HTTP.

use chrono::{DateTime, TimeDelta};
use reqwest::Method;
use serde_json::{Value, json};
use strongroom_e2e::{Api, CREDENTIALS, TestApi, failure};

const ORGANIZATIONS: &str = "/organizations";
const SUBORGANIZATIONS: &str = "/organizations/suborganizations";

async fn descendants(api: &Api, filter: &str) -> Vec<String> {
    let answer = list(api, filter).await;
    assert_eq!(answer.status(), 200, "{filter}");
    let body: Value = answer.json().await.unwrap();
    let ids = body["result"].as_array().unwrap().iter();
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

async fn list(api: &Api, filter: &str) -> reqwest::Response {
    let url = reqwest::Url::parse_with_params("http://x", [("filter", filter)]).unwrap();
    let query = match filter {
        "" => "",
        _ => url.query().unwrap(),
    };
    api.get(&format!("{SUBORGANIZATIONS}?{query}")).await
}

async fn delete(api: &Api, query: &str) -> reqwest::Response {
    let path = format!("{ORGANIZATIONS}?{query}");
    api.request(Method::DELETE, &path).send().await.unwrap()
}

/// The query that deletes a subtree, confirmed `seconds` ago by the server's clock.
async fn confirmed(api: &Api, seconds: i64) -> String {
    let answer = api.bare(Method::GET, "/healthz").send().await.unwrap();
    let now = answer.headers()["date"].to_str().unwrap();
    let now = DateTime::parse_from_rfc2822(now).unwrap();
    let at = (now - TimeDelta::seconds(seconds)).to_rfc3339();
    let at = at.replace('+', "%2B");
    format!("delete_suborganizations=true&confirmation_timestamp={at}")
}

#[tokio::test]
async fn a_suborganization_has_a_key_of_its_own() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let child = root.new_suborganization("Kind Ü").await;
    assert!(child.key.starts_with("sr_admin_"));
    let shown = child
        .call(Method::GET, ORGANIZATIONS, &Value::Null, 200)
        .await;
    let expected = json!({
        "id": child.org, "org_name": "Kind Ü", "tenant_name": "Kind Ü", "parent_id": root.org,
        "persons_pool_org_ids": [], "group_pool_org_ids": [],
    });
    assert_eq!(shown, expected);
    let id = child.create("of the child").await;
    let acting = root.acting_in(&child.org);
    assert_eq!(acting.secret(&id).await["api_key"], "of the child");
    // Its use stands in the trail of the organization acted in, with key and home organization.
    let events = child.call(
        Method::GET,
        "/organizations/config/audit-events",
        &Value::Null,
        200,
    );
    let events = events.await;
    let reveal = events.as_array().unwrap().iter();
    let mut reveal = reveal.filter(|event| event["action"] == "credential.reveal");
    let details = &reveal.next().unwrap()["details"];
    assert_eq!(details["home_organization"], json!(root.org));
    let renamed = json!({"org_name": "renamed"});
    acting
        .call(Method::PATCH, ORGANIZATIONS, &renamed, 204)
        .await;
    let shown = child
        .call(Method::GET, ORGANIZATIONS, &Value::Null, 200)
        .await;
    assert_eq!(shown["org_name"], "renamed");
}

#[tokio::test]
async fn a_wrong_suborganization_is_refused() {
    let vault = TestApi::start().await;
    for (body, field) in [
        (json!({"admins": []}), "sub_org_name"),
        (json!({"sub_org_name": "x"}), "admins"),
        (json!({"sub_org_name": "", "admins": []}), "sub_org_name"),
        (
            json!({"sub_org_name": "x", "admins": [{"type": "email"}]}),
            "admins",
        ),
        (json!({"sub_org_name": "x", "admins": {}}), "admins"),
        (
            json!({"sub_org_name": "x", "admins": [], "name": 1}),
            "name",
        ),
    ] {
        let request = vault
            .admin
            .request(Method::POST, SUBORGANIZATIONS)
            .json(&body);
        let failed = failure(request.send().await.unwrap(), 400).await;
        assert_eq!(failed.fields(), [field], "{body}");
    }
    let body = json!({
        "sub_org_name": "x", "admins": [], "persons_org_id": "y", "groups_org_id": null,
        "inherit_rbac_pools": true,
    });
    vault
        .admin
        .call(Method::POST, SUBORGANIZATIONS, &body, 200)
        .await;
    let request = vault
        .member
        .request(Method::POST, SUBORGANIZATIONS)
        .json(&body);
    failure(request.send().await.unwrap(), 403).await;
}

#[tokio::test]
async fn descendants_are_listed_and_filtered() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let one = root.new_suborganization("shop \"1\"").await;
    let two = root.new_suborganization("shop 2").await;
    let deep = root.acting_in(&one.org).new_suborganization("deep").await;
    let ids = |apis: &[&Api]| apis.iter().map(|api| api.org.clone()).collect::<Vec<_>>();
    assert_eq!(descendants(&root, "").await, ids(&[&one, &two, &deep]));
    assert_eq!(descendants(&one, "").await, ids(&[&deep]));
    assert_eq!(descendants(&two, "").await, ids(&[]));
    assert_eq!(
        descendants(&root, r#"name eq "shop \"1\"""#).await,
        ids(&[&one])
    );
    assert_eq!(descendants(&root, r#"name co "ee""#).await, ids(&[&deep]));
    assert_eq!(
        descendants(&root, r#"name sw "shop""#).await,
        ids(&[&one, &two])
    );
    let by_id = format!("id eq \"{}\"", deep.org);
    assert_eq!(descendants(&root, &by_id).await, ids(&[&deep]));
    assert_eq!(descendants(&two, &by_id).await, ids(&[]));
    let by_parent = format!("parent_org_id eq \"{}\"", root.org);
    assert_eq!(descendants(&root, &by_parent).await, ids(&[&one, &two]));
    for wrong in [
        "x",
        "name eq x",
        "name pr",
        "name eq \"x\" or name eq \"y\"",
    ] {
        let answer = list(&root, wrong).await;
        assert_eq!(failure(answer, 400).await.fields(), ["filter"], "{wrong}");
    }
}

#[tokio::test]
async fn only_a_key_for_descendants_acts_below_its_organization() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let grandchild = root
        .acting_in(&child.org)
        .new_suborganization("grandchild")
        .await;
    let sibling = root.new_suborganization("sibling").await;
    let (stranger, _) = vault.new_organization("stranger");
    let every = [&root, &child, &grandchild, &sibling, &stranger];
    let (own, _) = root.issue(json!({"role": "admin"})).await;
    let below = json!({"role": "admin", "organizations": "descendants"});
    let (child_below, _) = root.acting_in(&child.org).issue(below).await;
    for (who, allowed) in [
        (&root, &every[..4]),
        (&own, &every[..1]),
        (&child, &every[1..2]),
        (&child_below, &every[1..3]),
        (&grandchild, &every[2..3]),
        (&sibling, &every[3..4]),
        (&stranger, &every[4..]),
    ] {
        for place in every {
            let status = who.acting_in(&place.org).get(CREDENTIALS).await.status();
            let may = allowed.iter().any(|one| one.org == place.org);
            assert_eq!(
                status,
                if may { 200 } else { 401 },
                "{} in {}",
                who.org,
                place.org
            );
        }
    }
}

#[tokio::test]
async fn a_leaf_is_deleted_and_restored_by_an_ancestor() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let child = root.new_suborganization("child").await;
    let acting = root.acting_in(&child.org);
    let id = child.create("kept").await;
    failure(delete(&child, "").await, 403).await;
    assert_eq!(
        failure(delete(&root, "").await, 409).await.errors[0].1,
        "root_organization"
    );
    assert_eq!(delete(&acting, "").await.status(), 204);
    assert_eq!(child.get(CREDENTIALS).await.status(), 401);
    assert_eq!(acting.get(CREDENTIALS).await.status(), 401);
    assert_eq!(descendants(&root, "").await, [""; 0]);
    acting
        .call(Method::POST, "/organizations/restore", &Value::Null, 204)
        .await;
    assert_eq!(child.secret(&id).await["api_key"], "kept");
    let again = acting
        .request(Method::POST, "/organizations/restore")
        .send()
        .await;
    failure(again.unwrap(), 404).await;
}

#[tokio::test]
async fn a_subtree_is_deleted_when_that_was_confirmed() {
    let vault = TestApi::start().await;
    let root = vault.root();
    let child = root.acting_in(&root.new_suborganization("child").await.org);
    let grandchild = root.acting_in(&child.new_suborganization("grandchild").await.org);
    let sibling = root.new_suborganization("sibling").await;
    let conflict = failure(delete(&child, "").await, 409).await;
    assert_eq!(conflict.errors[0].1, "has_suborganizations");
    let without = "delete_suborganizations=true".to_owned();
    let mut wrong = vec![without];
    for seconds in [0, 5, 70, -20] {
        wrong.push(confirmed(&root, seconds).await);
    }
    for query in wrong {
        let failed = failure(delete(&child, &query).await, 400).await;
        assert_eq!(failed.fields(), ["confirmation_timestamp"], "{query}");
    }
    failure(delete(&child, "delete_suborganizations=yes").await, 400).await;
    assert_eq!(
        delete(&child, &confirmed(&root, 20).await).await.status(),
        204
    );
    for gone in [&child, &grandchild] {
        assert_eq!(gone.get(CREDENTIALS).await.status(), 401);
    }
    assert_eq!(descendants(&root, "").await, [sibling.org.as_str()]);
    let restore = async |api: &Api| {
        let request = api.request(Method::POST, "/organizations/restore");
        request.send().await.unwrap()
    };
    let conflict = failure(restore(&grandchild).await, 409).await;
    assert_eq!(conflict.errors[0].1, "parent_deleted");
    for api in [&child, &grandchild] {
        assert_eq!(restore(api).await.status(), 204);
        assert_eq!(api.get(CREDENTIALS).await.status(), 200);
    }
}
