//! Every form of the console, as its routes list them.

use std::path::Path;

use super::support::{Visitor, home, vault};

/// Takes the place of ids in paths.
const NO_ID: &str = "0190a1b2-0000-7000-8000-0123456789ab";

fn source(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/console/src");
    std::fs::read_to_string(root.join(name)).unwrap()
}

/// The path of the constant `name`.
fn path(paths: &str, name: &str) -> String {
    let after = paths.split(&format!("const {name}: &str =")).nth(1);
    let text = after.unwrap().split('"').nth(1).unwrap();
    let parts: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
    parts.concat()
}

/// The paths of all forms of a session, in the organization whose path is `home`.
fn forms(home: &str) -> Vec<String> {
    let (app, paths) = (source("app.rs"), source("paths.rs"));
    let constants = app.split("post(").skip(1).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix("paths::")?;
        let end = name.find(|one: char| !(one.is_ascii_uppercase() || one == '_'))?;
        Some(&name[..end])
    });
    let constants = constants.filter(|name| *name != "SIGN_IN");
    let filled = constants.map(|name| {
        let path = path(&paths, name).replace("/console/organizations/{org_id}", home);
        let parts = path.split('/').map(|part| match part.starts_with('{') {
            true => NO_ID,
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    });
    filled.collect()
}

#[tokio::test]
async fn every_form_needs_a_session_its_token_and_its_host() {
    let vault = vault().await;
    let home = home(&vault.admin);
    let forms = forms(&home);
    assert!(forms.len() >= 12, "{forms:?}");
    let visitor = Visitor::signed_in(&vault.admin).await;
    let other = Visitor::signed_in(&vault.admin).await;
    let (own, foreign) = (
        visitor.form_token(&home).await,
        other.form_token(&home).await,
    );
    let elsewhere = [("origin", "https://evil.example")];
    for path in forms {
        for token in ["", &foreign] {
            let page = visitor.post(&path, &[("csrf_token", token)]).await;
            assert_eq!(page.status, 403, "{path}: {}", page.text);
            assert!(
                page.text.contains("another session"),
                "{path}: {}",
                page.text
            );
        }
        let fields = [("csrf_token", own.as_str())];
        let page = visitor.post_with(&path, &fields, &elsewhere).await;
        assert_eq!(page.status, 403, "{path}: {}", page.text);
        assert!(
            page.text.contains("not sent by a page"),
            "{path}: {}",
            page.text
        );
        let page = Visitor::new(&visitor.url).post(&path, &fields).await;
        let location = page.location.as_deref();
        assert_eq!(
            (page.status, location),
            (303, Some("/console/sign-in")),
            "{path}"
        );
    }
    assert!(!visitor.is_out().await && !other.is_out().await);
}

/// What a link, an image or a prefetch of another site can request does nothing.
#[tokio::test]
async fn no_form_acts_on_get_and_every_answer_has_its_header_fields() {
    let vault = vault().await;
    let home = home(&vault.admin);
    let visitor = Visitor::signed_in(&vault.admin).await;
    for path in forms(&home) {
        let response = visitor.request("GET", &path, &[]).send().await.unwrap();
        let status = response.status().as_u16();
        assert!([200, 404, 405].contains(&status), "{path}: {status}");
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let policy = header("content-security-policy").expect("a policy");
        for directive in [
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(name).as_deref(), Some(value), "{path}: {name}");
        }
        assert_eq!(header("access-control-allow-origin"), None, "{path}");
        assert_eq!(header("set-cookie"), None, "{path}");
    }
    assert!(!visitor.is_out().await);
}
