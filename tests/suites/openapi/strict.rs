//! A document that is as strict as the service: what the document says in words and as `x-` members
//! for the sake of generators of clients becomes schemas, and answers have no undescribed members.

use serde_json::{Value, json};

pub(super) fn make(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.values_mut().for_each(close);
    let new = &mut schemas["NewCredential"];
    *new = new_credential(new);
    let change = &mut schemas["CredentialChange"];
    // The service takes null as if the label were absent.
    let label = json!({"extcred_label": {"type": "string"}});
    let label = json!({"required": ["extcred_label"], "properties": label});
    change["anyOf"] = json!([label, {"required": ["json_blob"]}]);
    change["properties"]["extcred_label"]["type"] = json!(["string", "null"]);
    let required = |name: &str| json!({"required": [name]});
    let changed = [
        "client_name",
        "scopes",
        "grant_types",
        "access_token_duration",
    ];
    schemas["OauthClientChange"]["anyOf"] = changed.map(required).into();
    let responses = document["components"]["responses"].as_object_mut().unwrap();
    responses.values_mut().for_each(enumerate_codes);
    for item in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in item.as_object_mut().unwrap().values_mut() {
            close(&mut operation["responses"]);
        }
    }
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) {
                object.entry("additionalProperties").or_insert(false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The errors of a response have the codes that it lists.
fn enumerate_codes(response: &mut Value) {
    let codes = response["x-error-codes"].take();
    if codes.is_null() {
        return;
    }
    let schema = &mut response["content"]["application/json"]["schema"];
    let error = json!({"properties": {"code": {"enum": codes}}});
    let errors = json!({"properties": {"errors": {"items": error, "minItems": 1}}});
    *schema = json!({"allOf": [schema.take(), errors]});
}

/// One alternative for each rule of a type.
fn new_credential(plain: &Value) -> Value {
    let rules = plain["x-json-blob-rules"].as_array().unwrap();
    assert!(rules.len() > 6, "{rules:?}");
    let alternatives: Vec<_> = rules.iter().map(|rule| alternative(plain, rule)).collect();
    json!({"oneOf": alternatives})
}

fn alternative(plain: &Value, rule: &Value) -> Value {
    let mut one = plain.clone();
    let properties = &mut one["properties"];
    properties["extcred_label"]["type"] = json!(["string", "null"]);
    properties["extcred_provider"] = json!({"type": "string", "enum": rule["extcred_provider"]});
    properties["extcred_type"] = json!({"type": "string", "enum": [rule["extcred_type"]]});
    let required = rule["required"].as_array().unwrap().iter();
    let required = required.map(|spellings| {
        let spellings = spellings.as_array().unwrap().iter();
        let any: Vec<_> = spellings.map(|name| member(name, rule)).collect();
        json!({"anyOf": any})
    });
    let all: Vec<_> = [json!({"type": "object", "minProperties": 1})]
        .into_iter()
        .chain(required)
        .collect();
    properties["json_blob"] = json!({"allOf": all});
    one
}

fn member(name: &Value, rule: &Value) -> Value {
    let name = name.as_str().unwrap();
    let value = match &rule["values"][name] {
        Value::Null => json!({"type": "string", "minLength": 1}),
        fixed => json!({"type": "string", "enum": [fixed]}),
    };
    json!({"type": "object", "required": [name], "properties": {name: value}})
}
