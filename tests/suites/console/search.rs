//! Searches of a long trail.

use serde_json::json;

use super::support::{Visitor, home, vault};

#[tokio::test]
async fn a_search_of_a_long_trail_goes_on_where_it_ended() {
    let vault = vault().await;
    let api = &vault.admin;
    let id = api.create("secret").await;
    let (reader, reader_id) = api.issue(json!({"role": "reader"})).await;
    reader.secret(&id).await;
    let database = vault.database.connect().await;
    // Later events of another caller, more than a search compares.
    let copy = format!(
        "insert into audit_events select (jsonb_populate_record(null::audit_events, to_jsonb(e) \
           || jsonb_build_object('at', now() + n * interval '1 ms', 'seq', 1000 + n))).* \
         from (select * from audit_events where action = 'credential.create' \
           and org_id = '{}' limit 1) e, generate_series(1, 15100) n",
        api.org
    );
    database.execute(&copy, &[]).await.unwrap();
    let visitor = Visitor::signed_in(api).await;
    let trail = format!("{}/audit", home(api));
    let page = visitor.get(&format!("{trail}?actor={reader_id}")).await;
    assert!(
        page.text.contains("No event matches so far."),
        "{}",
        page.text
    );
    let link = page
        .text
        .split("\" rel=\"next\">Search further back")
        .next();
    let link = link.unwrap().rsplit('"').next().unwrap();
    let link = link.replace("&#38;", "&").replace("&amp;", "&");
    let page = visitor.get(&link).await;
    assert_eq!(page.status, 200, "{link}: {}", page.text);
    assert_eq!(page.text.matches("revealed a credential</td>").count(), 1);
    assert!(!page.text.contains("Search further back"), "{}", page.text);
    // A list without such a filter, or with many matches, is a page as before.
    for query in ["", "?action=credential.create"] {
        let page = visitor.get(&format!("{trail}{query}")).await.text;
        assert!(page.contains(">Next page</a>"), "{page}");
        assert_eq!(page.matches("<th scope=\"row\"").count(), 40);
    }
}
