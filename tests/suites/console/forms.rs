//! Forms of other sites and sessions, and other tenants' pages.

use super::support::{Visitor, home, vault};

#[tokio::test]
async fn a_form_counts_only_with_the_token_of_its_session() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let other = Visitor::signed_in(&vault.admin).await;
    let home = home(&vault.admin);
    let foreign = other.form_token(&home).await;
    let own = visitor.form_token(&home).await;
    assert_ne!(foreign, own);
    let mut changed = own.clone();
    changed.replace_range(..1, if own.starts_with('A') { "B" } else { "A" });
    for path in ["/console/sign-out", "/console/close-sessions"] {
        for fields in [
            &[][..],
            &[("csrf_token", "")],
            &[("csrf_token", &foreign)],
            &[("csrf_token", &changed)],
        ] {
            let page = visitor.post(path, fields).await;
            assert_eq!(page.status, 403, "{fields:?}: {}", page.text);
            assert!(page.text.contains("another session"));
        }
    }
    assert!(!visitor.is_out().await && !other.is_out().await);
    // The script sends it in a header.
    let headers = [("origin", visitor.url.as_str()), ("x-csrf-token", &own)];
    let page = visitor.post_with("/console/sign-out", &[], &headers).await;
    assert_eq!(page.status, 303);
}

#[tokio::test]
async fn a_form_counts_only_from_a_page_of_this_host() {
    let vault = vault().await;
    let visitor = Visitor::signed_in(&vault.admin).await;
    let token = visitor.form_token(&home(&vault.admin)).await;
    let site = |value| [("sec-fetch-site", value)];
    let origin = |value| [("origin", value)];
    let other_port = format!("{}1", visitor.url);
    let other_scheme = visitor.url.replace("http://", "https://");
    let foreign = [
        origin("https://evil.example"),
        origin(&other_scheme),
        origin("null"),
        origin(&other_port),
        site("cross-site"),
        site("same-site"),
        site("none"),
        [("x-nothing", "")],
    ];
    let fields = [("csrf_token", token.as_str())];
    let sign_in = [("secret", vault.admin.key.as_str())];
    for headers in foreign {
        for (path, fields) in [("/console/sign-out", fields), ("/console/sign-in", sign_in)] {
            let page = visitor.post_with(path, &fields, &headers).await;
            assert_eq!(page.status, 403, "{headers:?}: {}", page.text);
            assert!(page.cookies.is_empty(), "{headers:?}");
        }
    }
    assert!(!visitor.is_out().await);
    let own = site("same-origin");
    assert_eq!(
        visitor
            .post_with("/console/sign-out", &fields, &own)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn the_organization_of_a_page_is_one_that_the_key_acts_in() {
    let vault = vault().await;
    let (other, _) = vault.new_organization("other");
    let child = vault.root().new_suborganization("child").await;
    let unknown = "/console/organizations/0190a1b2-0000-7000-8000-0123456789ab";
    let visitor = Visitor::signed_in(&vault.admin).await;
    let without_id = |text: &str| {
        let (before, rest) = text.split_once("Request <code>").unwrap();
        format!("{before}{}", rest.split_once("</code>").unwrap().1)
    };
    let absent = visitor.get(unknown).await;
    assert_eq!(absent.status, 404);
    for path in [
        home(&other),
        home(&child),
        "/console/organizations/x".to_owned(),
    ] {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(without_id(&page.text), without_id(&absent.text), "{path}");
    }
    let root = Visitor::signed_in(&vault.root()).await;
    let page = root.get(&home(&child)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(
        page.text
            .contains("You act in the tenant <strong>child</strong>"),
        "{}",
        page.text
    );
    let page = root.get(&home(&vault.admin)).await;
    assert!(!page.text.contains("You act in the tenant"));
}
