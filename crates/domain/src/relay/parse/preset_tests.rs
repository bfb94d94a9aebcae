use serde_json::json;

use super::tests::read;
use super::*;
use crate::kinds::CredentialType as T;

/// Policies that a preset does not allow, with the field and code of the error.
const WRONG: &[(Provider, T, &str, &str, &str)] = &[
    (
        Provider::Google,
        T::JsonCredentials,
        r#"{"hosts": ["a.example"]}"#,
        "hosts",
        "not_allowed",
    ),
    (
        Provider::Google,
        T::JsonCredentials,
        r#"{"hosts": ["a.b.googleapis.com"]}"#,
        "hosts",
        "not_allowed",
    ),
    (
        Provider::Google,
        T::JsonCredentials,
        r#"{"inject": [{"header": "x", "from": "private_key"}]}"#,
        "inject",
        "not_allowed",
    ),
    (
        Provider::Google,
        T::JsonCredentials,
        r#"{"token_url": "https://a.example/token"}"#,
        "token_url",
        "not_allowed",
    ),
    (
        Provider::Onfido,
        T::ApiKey,
        r#"{"hosts": ["api.onfido.com"]}"#,
        "hosts",
        "not_allowed",
    ),
    (Provider::Shopify, T::ApiKey, r#"{}"#, "hosts", "required"),
    (
        Provider::Shopify,
        T::ApiKey,
        r#"{"hosts": ["myshopify.com"]}"#,
        "hosts",
        "not_allowed",
    ),
    (
        Provider::Shopify,
        T::ApiKey,
        r#"{"hosts": ["a.myshopify.com.evil.example"]}"#,
        "hosts",
        "not_allowed",
    ),
    (
        Provider::Shopify,
        T::ApiKey,
        r#"{"hosts": ["a.myshopify.com", "b.myshopify.com"]}"#,
        "hosts",
        "not_allowed",
    ),
    (
        Provider::Shopify,
        T::ClientCredentials,
        r#"{"hosts": ["a.myshopify.com"], "rules": [{"paths": ["/admin/oauth/*"]}]}"#,
        "rules[0].paths[0]",
        "invalid_value",
    ),
    (
        Provider::Generic,
        T::ClientCredentials,
        r#"{"hosts": ["a.example"]}"#,
        "token_url",
        "required",
    ),
    (
        Provider::Generic,
        T::ClientCredentials,
        r#"{"hosts": ["a.example"], "token_url": "http://a.example/t"}"#,
        "token_url",
        "invalid_value",
    ),
    (
        Provider::Generic,
        T::JsonCredentials,
        r#"{"hosts": ["a.example"]}"#,
        "inject",
        "required",
    ),
];

#[test]
fn presets_bind_hosts_paths_and_places() {
    for (provider, kind, policy, field, code) in WRONG {
        let value = serde_json::from_str(policy).unwrap();
        let errors = read(*provider, *kind, &value).unwrap_err();
        assert!(
            errors.contains(&((*field).to_owned(), *code)),
            "{policy}: {errors:?}"
        );
    }
}

#[test]
fn presets_fill_in_what_a_policy_leaves_out() {
    let shop = json!({"hosts": ["a.myshopify.com"]});
    let shop = read(Provider::Shopify, T::AccessToken, &shop).unwrap();
    assert_eq!(
        shop.to_json()["rules"],
        json!([{"paths": ["/admin/api/*"]}])
    );
    assert_eq!(shop.inject[0].header(), Some("x-shopify-access-token"));
    let google = read(Provider::Google, T::JsonCredentials, &json!({})).unwrap();
    assert!(google.needs_token());
    assert_eq!(google.scopes, [GOOGLE_SCOPE]);
}

#[test]
fn urls_of_tokens_are_exact() {
    for (text, expected) in [
        ("https://a.example/token", "https://a.example/token"),
        ("https://A.example:443", "https://a.example/"),
        ("https://a.example:8443/x", "https://a.example:8443/x"),
    ] {
        assert_eq!(TokenUrl::parse(text).unwrap().text(), expected);
    }
    for wrong in [
        "a.example/token",
        "HTTPS://a.example/",
        "https://user@a.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://a.example:0/",
        "https://a.example:+1/",
        "https://a.example/?a=b",
        "https://a.example?a=b",
        "https://a.example/../x",
        "https://a.example/#x",
        "https:///x",
    ] {
        assert!(TokenUrl::parse(wrong).is_err(), "{wrong}");
    }
}
