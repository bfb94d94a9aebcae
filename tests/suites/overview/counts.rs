//! An organization at a glance.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::overview::{LastCheck, Overview};
use strongroom_domain::{Clock, SystemClock, Vault, VaultError};
use strongroom_e2e::{Api, TestVault, eventually};

use super::opened::{caller, open};

async fn create(api: &Api, provider: &str, label: &str, days: Option<i64>) -> String {
    let mut body = json!({
        "extcred_provider": provider, "extcred_type": "api_key",
        "extcred_label": label, "json_blob": {"api_key": "k"},
    });
    if let Some(days) = days {
        let at = SystemClock.now() + TimeDelta::days(days);
        body["expires_at"] = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into();
    }
    api.create_from(&body).await
}

fn kinds(overview: &Overview) -> Vec<(Provider, CredentialType, i64)> {
    let kinds = overview.credentials.kinds.iter();
    kinds
        .map(|one| (one.provider, one.kind, one.count))
        .collect()
}

const KEY: CredentialType = CredentialType::ApiKey;

/// A vault with six credentials: one has expired, and one was created long ago.
async fn with_credentials() -> TestVault {
    let vault = TestVault::start().await;
    let (other, _) = vault.new_organization("other");
    create(&other, "google", "", Some(1)).await;
    let api = &vault.admin;
    for (label, days) in [("a", 5), ("a", 20), ("b", 60), ("b", 100)] {
        create(api, "shopify", label, Some(days)).await;
    }
    let past = create(api, "generic", "a", None).await;
    let old = create(api, "generic", "b", None).await;
    let gone = create(api, "google", "a", Some(5)).await;
    let (path, config) = ("/organizations/config", json!({"recovery_days": 7}));
    api.call(reqwest::Method::PATCH, path, &config, 204).await;
    let deleted = api.delete(&format!("credentialId={gone}")).await;
    assert_eq!(deleted.status(), 204);
    let database = vault.database.connect().await;
    let expire = "update credentials set expires_at = now() - interval '1 day', \
                  expires_source = 'caller' where cred_id = $1::text::uuid";
    database.execute(expire, &[&past]).await.unwrap();
    let age = "update credentials set cred_id = '01000000-0000-7000-8000-000000000000' \
               where cred_id = $1::text::uuid";
    database.execute(age, &[&old]).await.unwrap();
    vault
}

async fn shown(opened: &Vault, api: &Api) -> Overview {
    let caller = caller(opened, api).await;
    opened.overview(&caller).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_counts_credentials_by_kind_expiry_and_last_use() {
    let vault = with_credentials().await;
    let opened = open(&vault).await;
    let overview = shown(&opened, &vault.admin).await;
    let expected = [(Provider::Generic, KEY, 2), (Provider::Shopify, KEY, 4)];
    assert_eq!(kinds(&overview), expected);
    let counts = &overview.credentials;
    assert_eq!((counts.total(), counts.expired), (6, 1));
    assert_eq!((counts.expiring, counts.unused), ([1, 2, 3], 1));
    assert_eq!(overview.rotations.as_ref().map(Vec::len), Some(0));
    let integrity = overview.integrity.unwrap();
    assert_eq!(integrity.credentials, LastCheck::NotKnown);
    // The old one was used recently, and the other long ago.
    let use_them = "insert into credential_uses (org_id, cred_id, last_used_at) \
                    select org_id, cred_id, now() - case when cred_id < \
                    '01800000-0000-7000-8000-000000000000' then interval '1 day' \
                    else interval '91 days' end from credentials where provider = 'generic'";
    let database = vault.database.connect().await;
    database.execute(use_them, &[]).await.unwrap();
    assert_eq!(shown(&opened, &vault.admin).await.credentials.unused, 1);
    let forget = "delete from credential_uses where last_used_at < now() - interval '90 days'";
    database.execute(forget, &[]).await.unwrap();
    assert_eq!(shown(&opened, &vault.admin).await.credentials.unused, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_the_caller_may_see_and_is_recorded() {
    let vault = with_credentials().await;
    let (api, opened) = (&vault.admin, open(&vault).await);
    let reach = json!({"role": "member", "credentials": {"label_prefix": "a"}});
    let (narrow, _) = api.issue(reach).await;
    let overview = shown(&opened, &narrow).await;
    let expected = [(Provider::Generic, KEY, 1), (Provider::Shopify, KEY, 2)];
    assert_eq!(kinds(&overview), expected);
    assert_eq!(overview.credentials.expiring, [1, 2, 2]);
    assert!(overview.integrity.is_none() && overview.rotations.is_none());
    shown(&opened, api).await;
    let database = vault.database.connect().await;
    let lists = "select from audit_events where action = $1 and org_id = $2::text::uuid";
    for (action, expected) in [("credential.list", 2), ("rotation.list", 1)] {
        let events = database.query(lists, &[&action, &api.org]).await;
        assert_eq!(events.unwrap().len(), expected, "{action}");
    }
    let (relay, _) = api.issue(json!({"role": "relay"})).await;
    let refused = opened.overview(&caller(&opened, &relay).await).await;
    assert!(matches!(refused, Err(VaultError::Forbidden(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_the_last_scrub_unless_that_was_altered() {
    let mut vault = TestVault::start_with(&[("STRONGROOM_SCRUB_INTERVAL", "1s")]).await;
    let api = vault.admin.clone();
    let id = create(&api, "google", "", None).await;
    let opened = open(&vault).await;
    let integrity = async || {
        let caller = caller(&opened, &api).await;
        let overview = opened.overview(&caller).await.unwrap();
        overview.integrity.unwrap()
    };
    let limit = Duration::from_secs(30);
    let is = |check, expected| matches!(check, LastCheck::Ended { clean, .. } if clean == expected);
    eventually("a scrub ends", limit, async || {
        let integrity = integrity().await;
        is(integrity.credentials, true) && is(integrity.trails, true)
    })
    .await;
    let database = vault.database.connect().await;
    let alter = "update credentials set label = 'x' where cred_id = $1::text::uuid";
    database.execute(alter, &[&id]).await.unwrap();
    eventually("a scrub finds it", limit, async || {
        let integrity = integrity().await;
        is(integrity.credentials, false) && is(integrity.trails, true)
    })
    .await;
    vault.server.kill();
    let forge = "update scrub_results set findings = 0";
    database.execute(forge, &[]).await.unwrap();
    let integrity = integrity().await;
    assert_eq!(integrity.credentials, LastCheck::Altered);
    assert_eq!(integrity.trails, LastCheck::Altered);
}
