//! Checks of the credentials: those that expire, and deleted ones.

use chrono::{TimeDelta, Utc};
use strongroom_e2e::{TestVault, api_key};

use super::diagnose;

#[tokio::test]
async fn what_expires_and_what_can_be_restored_is_counted() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    // Another organization, whose credentials count as well.
    let (other, _) = vault.new_organization("other");
    for (owner, days) in [(api, -1), (api, 3), (&other, 6), (&other, 20), (api, 60)] {
        let mut body = api_key("secret");
        body["expires_at"] = (Utc::now() + TimeDelta::days(days)).to_rfc3339().into();
        owner.create_from(&body).await;
    }
    let gone = other.create("gone").await;
    let deleted = other.delete(&format!("credentialId={gone}")).await;
    assert_eq!(deleted.status(), 204);
    let (url, key) = (vault.database.app_url(), vault.root_key_file());
    let diagnosis = diagnose(&[
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
    ]);
    let expected = "1 credential(s) have expired, 2 more expire within 7 days, and 1 more within 30 \
                    days";
    diagnosis.says("expiry", "note", expected);
    diagnosis.says("purges", "ok", "1 deleted credential(s) can be restored");
}
