//! With the defaults, nothing of a replaced value is left.

use strongroom_e2e::TestVault;

use super::set;

#[tokio::test]
async fn a_replaced_value_is_gone_from_every_table() {
    let vault = TestVault::start().await;
    let api = &vault.admin;
    let id = api.create("old").await;
    let database = vault.database.connect().await;
    let blob = async || {
        let sql = "select sealed_blob from credentials where cred_id = $1::text::uuid";
        let row = database.query_one(sql, &[&id]).await.unwrap();
        row.get::<_, Vec<u8>>(0)
    };
    let old = blob().await;
    set(api, &id, "new").await;
    assert_ne!(blob().await, old);
    let rows = "select count(*) from credential_versions";
    let count: i64 = database.query_one(rows, &[]).await.unwrap().get(0);
    assert_eq!(count, 0);
}
