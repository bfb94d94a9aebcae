//! The operations of the document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ID;

/// Values of the paths' parameters.
const PARAMETERS: [(&str, &str); 9] = [
    ("{cred_id}", ID),
    ("{operation_id}", ID),
    ("{key_id}", ID),
    ("{oauth_client_id}", "src_x"),
    ("{label}", "some/label"),
    ("{value_version}", "1"),
    ("{file}", "start.js"),
    ("{host}", "api.example.com"),
    ("{path}", "some/path"),
];

/// Each path's operations by method, with values instead of the path's parameters.
pub(super) fn operations(document: &Value) -> BTreeMap<String, BTreeMap<String, Value>> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .map(|(path, item)| {
            let path = PARAMETERS.iter().fold(path.clone(), |path, (name, value)| {
                path.replace(name, value)
            });
            assert!(!path.contains('{'), "{path}");
            let item = item.as_object().unwrap().iter();
            let item = item.map(|(method, operation)| (method.to_uppercase(), operation.clone()));
            (path, item.collect())
        })
        .collect()
}
