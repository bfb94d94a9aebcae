//! Checks of the credentials: those that expire, and deleted ones.

use chrono::{DateTime, TimeDelta, Utc};
use strongroom_e2e::{TestVault, api_key};

use super::diagnose;

#[tokio::test]
async fn what_expires_and_what_can_be_restored_is_counted() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    // Another organization, whose credentials count as well.
    let (other, _) = vault.new_organization("other");
    let gone = other.create("gone").await;
    let now = other.list().await[0]["created_at"].to_owned();
    let now: DateTime<Utc> = serde_json::from_value(now).unwrap();
    let in_days = |days| now + TimeDelta::days(days);
    let ends = [
        (api, now),
        (api, in_days(3)),
        (&other, in_days(6)),
        (&other, in_days(20)),
        (api, in_days(60)),
    ];
    for (owner, end) in ends {
        let mut body = api_key("secret");
        body["expires_at"] = end.to_rfc3339().into();
        owner.create_from(&body).await;
    }
    let deleted = other.delete(&format!("credentialId={gone}")).await;
    assert_eq!(deleted.status(), 204);
    let (url, key) = (vault.database.app_url(), vault.root_key_file());
    let diagnosis = diagnose(&[
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
    ]);
    let expected =
        "1 credential(s) have expired, 2 more expire within 7 days, and 1 more within 30 days";
    diagnosis.says("expiry", "note", expected);
    diagnosis.says("purges", "ok", "1 deleted credential(s) can be restored");
}
