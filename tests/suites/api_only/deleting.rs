//! DELETE: its parameters, and protection against accidental deletion.

use strongroom_e2e::{TestApi, failure};

const UNKNOWN_ID: &str = "0190a1b2-0000-7000-8000-0123456789ab";

#[tokio::test]
async fn one_or_all_or_nothing() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let mut left = Vec::new();
    for n in 0..6 {
        left.push(api.create(&n.to_string()).await);
    }
    // Each form deletes the last credential.
    let forms = [
        "credentialId=ID",
        "credentialId=ID&deleteAll=false",
        "deleteAll=true&credentialId=ID",
    ];
    for form in forms {
        let id = left.pop().unwrap();
        let answer = api.delete(&form.replace("ID", &id)).await;
        assert_eq!(answer.status(), 204, "{form}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.text().await.unwrap(), "");
        assert_eq!(api.reveal(&id).await.status(), 404);
        assert_eq!(api.list().await.len(), left.len(), "{form}");
    }
    let missing = format!("credentialId={UNKNOWN_ID}");
    assert_eq!(api.delete(&missing).await.status(), 204);
    let both = format!("credentialId={UNKNOWN_ID}&deleteAll=true");
    assert_eq!(
        api.delete(&both).await.status(),
        204,
        "an id takes precedence, and this one does not exist"
    );
    assert_eq!(api.list().await.len(), 3);
    assert_eq!(api.delete("deleteAll=true").await.status(), 204);
    assert_eq!(api.list().await.len(), 0);
    assert_eq!(api.delete("deleteAll=true").await.status(), 204);
}

#[tokio::test]
async fn what_is_not_clear_deletes_nothing() {
    let vault = TestApi::start().await;
    let api = &vault.admin;
    let id = api.create("kept").await;
    let cases = [
        ("", "credentialId"),
        ("deleteAll=false", "credentialId"),
        ("deleteAll=", "deleteAll"),
        ("deleteAll", "deleteAll"),
        ("deleteAll=1", "deleteAll"),
        ("deleteAll=TRUE", "deleteAll"),
        ("deleteAll=true&deleteAll=true", "deleteAll"),
        ("credentialId=", "credentialId"),
        ("credentialId=x", "credentialId"),
        ("credentialId=x&deleteAll=true", "credentialId"),
        ("credentialId=ID&credentialId=ID", "credentialId"),
        ("credentialId=ID&deleteAll=maybe", "deleteAll"),
    ];
    for (query, field) in cases {
        let answer = api.delete(&query.replace("ID", &id)).await;
        assert_eq!(failure(answer, 400).await.fields(), [field], "{query}");
    }
    for misspelled in ["deleteall", "credentialid"] {
        let answer = api.delete(&format!("{misspelled}=true")).await;
        let fields = failure(answer, 400).await;
        assert_eq!(fields.fields(), ["credentialId", misspelled]);
    }
    assert_eq!(api.secret(&id).await["api_key"], "kept");
}
