use serde_json::json;

use super::*;
use crate::json;

pub(super) fn read(
    provider: Provider,
    kind: CredentialType,
    policy: &serde_json::Value,
) -> Result<RelayPolicy, Vec<(String, &'static str)>> {
    let text = policy.to_string();
    let value = json::parse(text.as_bytes()).unwrap();
    let short = |error: FieldError| (error.field, error.code);
    parse(value, provider, kind).map_err(|errors| errors.into_iter().map(short).collect())
}

fn generic(policy: &serde_json::Value) -> Result<RelayPolicy, Vec<(String, &'static str)>> {
    read(Provider::Generic, CredentialType::ApiKey, policy)
}

#[test]
fn a_policy_round_trips_with_all_its_defaults() {
    let policy = generic(&json!({"hosts": ["API.stripe.com"]})).unwrap();
    let expected = json!({
        "hosts": ["api.stripe.com"],
        "ports": [443],
        "rules": [{}],
        "inject": [{"header": "authorization", "prefix": "Bearer ", "from": "api_key"}],
        "keys": "any",
        "scrub": "full",
        "tokens": false,
        "limits": {
            "request_bytes": 10_485_760, "answer_bytes": 10_485_760,
            "head_seconds": 30, "idle_seconds": 60, "total_seconds": 600,
        },
    });
    assert_eq!(policy.to_json(), expected);
}

#[test]
fn what_is_stored_is_read_as_the_same_policy() {
    use CredentialType as T;
    let hosts = json!({"hosts": ["api.example.com"]});
    let own = json!({
        "hosts": ["a.example", "b.example"], "ports": [8443],
        "rules": [{"methods": ["GET"], "paths": ["/v1/*", "/x"]}],
        "inject": [{"basic": {"username": "api_key"}}, {"query": "k", "from": "api_key"}],
        "keys": ["0198c0de-0000-7000-8000-000000000001"], "scrub": "headers",
        "limits": {"answer_bytes": 5},
    });
    let minting = json!({
        "hosts": ["api.example.com"], "token_url": "https://login.example.com:8443/token",
        "scopes": ["a", "b"], "tokens": true,
    });
    for (provider, kind, policy) in [
        (Provider::Google, T::JsonCredentials, json!({})),
        (
            Provider::Google,
            T::ApiKey,
            json!({"hosts": ["maps.googleapis.com"]}),
        ),
        (Provider::Onfido, T::ApiKey, json!({})),
        (
            Provider::Shopify,
            T::AccessToken,
            json!({"hosts": ["a.myshopify.com"]}),
        ),
        (
            Provider::Shopify,
            T::ClientCredentials,
            json!({"hosts": ["a.myshopify.com"]}),
        ),
        (Provider::Generic, T::UserPass, hosts.clone()),
        (Provider::Generic, T::ApiIdAccess, hosts.clone()),
        (Provider::Google, T::AccessToken, hosts),
        (Provider::Generic, T::ApiKey, own),
        (Provider::Generic, T::ClientCredentials, minting),
    ] {
        let read_once = read(provider, kind, &policy).unwrap();
        let stored = read_once.to_json();
        assert_eq!(
            read(provider, kind, &stored).unwrap(),
            read_once,
            "{stored}"
        );
    }
}

/// Policies with their error: its field and code.
const WRONG: &[(&str, &str, &str)] = &[
    (r#"{}"#, "hosts", "required"),
    (r#"[]"#, "policy", "wrong_type"),
    (r#"{"hosts": []}"#, "hosts", "invalid_length"),
    (r#"{"hosts": "a.example"}"#, "hosts", "wrong_type"),
    (r#"{"hosts": ["a.example", 7]}"#, "hosts[1]", "wrong_type"),
    (r#"{"hosts": ["127.0.0.1"]}"#, "hosts[0]", "invalid_value"),
    (
        r#"{"hosts": ["https://a.example"]}"#,
        "hosts[0]",
        "invalid_value",
    ),
    (r#"{"hosts": ["*.example.com"]}"#, "hosts", "not_allowed"),
    (r#"{"hosts": ["*.googleapis.com"]}"#, "hosts", "not_allowed"),
];

/// Wrong members of a policy that is right otherwise, with the field and code of the error.
const WRONG_MEMBERS: &[(&str, &str, &str, &str)] = &[
    ("ports", r#"[0]"#, "ports[0]", "out_of_range"),
    ("ports", r#"[65536]"#, "ports[0]", "out_of_range"),
    ("ports", r#"["443"]"#, "ports[0]", "out_of_range"),
    ("rules", r#"[]"#, "rules", "invalid_length"),
    (
        "rules",
        r#"[{"methods": ["get"]}]"#,
        "rules[0].methods[0]",
        "invalid_value",
    ),
    (
        "rules",
        r#"[{"methods": ["TRACE"]}]"#,
        "rules[0].methods[0]",
        "invalid_value",
    ),
    (
        "rules",
        r#"[{"paths": ["v1"]}]"#,
        "rules[0].paths[0]",
        "invalid_value",
    ),
    (
        "rules",
        r#"[{"path": "/v1"}]"#,
        "rules[0].path",
        "unknown_member",
    ),
    (
        "inject",
        r#"[{"from": "api_key"}]"#,
        "inject[0].header",
        "required",
    ),
    (
        "inject",
        r#"[{"header": "a"}]"#,
        "inject[0].from",
        "required",
    ),
    (
        "inject",
        r#"[{"header": "Host", "from": "a"}]"#,
        "inject[0].header",
        "invalid_value",
    ),
    (
        "inject",
        r#"[{"header": "a", "prefix": "b\r\n", "from": "a"}]"#,
        "inject[0].prefix",
        "invalid_value",
    ),
    (
        "inject",
        r#"[{"header": "a", "from": "minted_token"}]"#,
        "inject[0].from",
        "invalid_value",
    ),
    (
        "inject",
        r#"[{"header": "a", "from": "x"}, {"header": "A", "from": "y"}]"#,
        "inject",
        "duplicate",
    ),
    (
        "inject",
        r#"[{"header": "authorization", "from": "x"}, {"basic": {"username": "y"}}]"#,
        "inject",
        "duplicate",
    ),
    (
        "inject",
        r#"[{"query": "a&b", "from": "x"}]"#,
        "inject[0].query",
        "invalid_value",
    ),
    (
        "inject",
        r#"[{"basic": {}}]"#,
        "inject[0].basic.username",
        "required",
    ),
    ("scopes", r#"["a"]"#, "scopes", "not_allowed"),
    ("tokens", r#"true"#, "tokens", "not_allowed"),
    ("tokens", r#""yes""#, "tokens", "wrong_type"),
    (
        "token_url",
        r#""https://a.example/""#,
        "token_url",
        "not_allowed",
    ),
    ("keys", r#"[]"#, "keys", "invalid_length"),
    ("keys", r#""all""#, "keys", "wrong_type"),
    ("keys", r#"["x"]"#, "keys[0]", "invalid_value"),
    ("scrub", r#""none""#, "scrub", "invalid_value"),
    (
        "limits",
        r#"{"total_seconds": 0}"#,
        "limits.total_seconds",
        "out_of_range",
    ),
    (
        "limits",
        r#"{"bytes": 1}"#,
        "limits.bytes",
        "unknown_member",
    ),
    ("hots", r#"[]"#, "hots", "unknown_member"),
];

#[test]
fn each_error_names_its_field() {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for (policy, field, code) in WRONG {
        let errors = generic(&json(policy)).unwrap_err();
        assert!(
            errors.contains(&((*field).to_owned(), *code)),
            "{policy}: {errors:?}"
        );
    }
    for (member, value, field, code) in WRONG_MEMBERS {
        let mut policy = json!({"hosts": ["a.example"]});
        policy[*member] = json(value);
        let errors = generic(&policy).unwrap_err();
        assert_eq!(errors, [((*field).to_owned(), *code)], "{policy}");
    }
}
