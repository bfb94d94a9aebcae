//! Members of the bodies that create and change a client.

use strongroom_domain::FieldError;
use strongroom_domain::json::value::Value;
use strongroom_domain::permission::{Permission, PermissionSet};
use strongroom_web::fields::Fields;

use crate::routes::oauth::client_body::GRANT_TYPES;

/// Reads `scopes`.
pub(super) fn scopes(value: Value<'_>) -> Result<PermissionSet, FieldError> {
    let error = |code, message: String| Err(FieldError::new("scopes", code, message));
    let Some(names) = strings(value) else {
        return error("wrong_type", "must be an array of strings".into());
    };
    let found: Option<PermissionSet> = names.iter().map(|name| Permission::parse(name)).collect();
    match found {
        Some(scopes) => Ok(scopes),
        None => error(
            "invalid_value",
            format!("must contain only {}", Permission::choices()),
        ),
    }
}

/// Checks `grant_types`.
pub(super) fn grant_types(value: Value<'_>) -> Result<(), FieldError> {
    let (code, message) = match strings(value) {
        Some(names) if names == GRANT_TYPES => return Ok(()),
        Some(_) => ("invalid_value", "must be [\"client_credentials\"]"),
        None => ("wrong_type", "must be an array of strings"),
    };
    Err(FieldError::new("grant_types", code, message))
}

/// Reads `access_token_duration`, whose range the vault checks.
pub(super) fn duration(value: Value<'_>) -> Result<i64, FieldError> {
    value.as_whole().ok_or_else(|| {
        let message = "must be a whole number of seconds";
        FieldError::new("access_token_duration", "wrong_type", message)
    })
}

/// Checks the members of clients that act for persons.
pub(super) fn refuse_personal(fields: &mut Fields<'_>) {
    let value = fields.take("public");
    fields.check(value, |value| match value.as_bool() {
        Some(false) => Ok(()),
        _ => {
            let message = "must be false: a client without a secret is not supported";
            Err(FieldError::new("public", "invalid_value", message))
        }
    });
    for name in ["redirect_uris", "refresh_token_duration"] {
        let value = fields.take(name);
        fields.check(value, |_| -> Result<(), FieldError> {
            let message = "is about persons, for whom this service issues no tokens";
            Err(FieldError::new(name, "invalid_value", message))
        });
    }
}

fn strings(value: Value<'_>) -> Option<Vec<String>> {
    serde_json::from_str(value.text()).ok()
}
