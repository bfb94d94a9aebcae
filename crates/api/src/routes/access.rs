//! Who may call an operation.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::http::Method;
use strongroom_domain::VaultError;
use strongroom_domain::caller::Caller;
use strongroom_domain::permission::Permission;
use utoipa::openapi::security::SecurityRequirement;

use crate::headers::{API_KEY, APPLICATION_ID};
use crate::openapi::document::{BASIC, OAUTH2};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everyone.
    Public,
    /// A caller with any valid key.
    AnyKey,
    /// An OAuth 2.0 client, by HTTP Basic alone.
    Client,
    /// A caller with the permission.
    Needs(Permission),
    /// A caller with the permission. The organization may be a deleted one.
    NeedsOnDeleted(Permission),
    /// A caller with one of the permissions.
    NeedsEither(Permission, Permission),
    /// A caller with the permission, and an anonymous one where the operator allows that.
    NeedsOrAnonymous(Permission),
}

impl Access {
    /// The permission that `caller` must have, if there is one: of two, the one that it has.
    pub(crate) fn permission(self, caller: &Caller) -> Option<Permission> {
        match self {
            Self::NeedsEither(first, second) if caller.require(first).is_err() => Some(second),
            Self::NeedsEither(first, _) => Some(first),
            Self::Public | Self::AnyKey | Self::Client => None,
            Self::Needs(permission)
            | Self::NeedsOnDeleted(permission)
            | Self::NeedsOrAnonymous(permission) => Some(permission),
        }
    }

    /// The security requirements in the OpenAPI document. Each names the permission.
    pub(crate) fn requirements(self) -> Option<Vec<SecurityRequirement>> {
        let scopes: Vec<&str> = match self {
            Self::Public | Self::AnyKey | Self::Client | Self::NeedsEither(..) => Vec::new(),
            Self::Needs(permission)
            | Self::NeedsOnDeleted(permission)
            | Self::NeedsOrAnonymous(permission) => vec![permission.as_str()],
        };
        let by = |scheme: &str| SecurityRequirement::new(scheme, scopes.clone());
        match self {
            Self::NeedsEither(first, second) => {
                let needs = |one| Self::Needs(one).requirements().unwrap_or_default();
                Some([needs(first), needs(second)].concat())
            }
            Self::Public => None,
            Self::AnyKey | Self::Needs(_) | Self::NeedsOnDeleted(_) => {
                Some([API_KEY, OAUTH2, BASIC].map(by).into())
            }
            Self::Client => Some(vec![by(BASIC)]),
            Self::NeedsOrAnonymous(_) => {
                let anonymous = SecurityRequirement::default();
                Some(vec![anonymous, by(APPLICATION_ID), by(API_KEY)])
            }
        }
    }
}

/// Who may call each method of a path.
#[derive(Debug, Clone)]
pub(crate) struct PathAccess(HashMap<Method, Access>);

impl PathAccess {
    pub(crate) fn new(methods: impl IntoIterator<Item = (Method, Access)>) -> Self {
        Self(methods.into_iter().collect())
    }

    /// Who may make `request`.
    ///
    /// # Errors
    /// [`VaultError::Internal`] if the list of routes does not say, which is a defect.
    pub(crate) fn of(request: &HttpRequest) -> Result<Access, VaultError> {
        let path = request.app_data::<Self>();
        let access = path.and_then(|path| path.0.get(request.method()));
        access
            .copied()
            .ok_or_else(|| VaultError::Internal("a route without an access rule".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::registry;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/access.md");
    /// The line of the file after which it is generated.
    const MARK: &str = "<!-- Generated: UPDATE_DOCS=1 cargo test -p strongroom-api access -->\n";

    fn requirement(access: Access) -> String {
        let named = |permission: Permission| format!("`{}`", permission.as_str());
        match access {
            Access::Public => "nothing".to_owned(),
            Access::AnyKey => "any valid key".to_owned(),
            Access::Client => "the id and secret of an OAuth 2.0 client, by HTTP Basic".to_owned(),
            Access::Needs(permission) | Access::NeedsOnDeleted(permission) => named(permission),
            Access::NeedsEither(first, second) => {
                format!("{} or {}", named(first), named(second))
            }
            Access::NeedsOrAnonymous(permission) => {
                format!(
                    "{}, unless anonymous callers are allowed",
                    named(permission)
                )
            }
        }
    }

    fn table() -> String {
        let routes = registry::all();
        let mut rows: Vec<_> = routes
            .access()
            .filter(|(_, method, _)| *method != Method::HEAD)
            .map(|(path, method, access)| {
                (
                    path,
                    format!("| `{method} {path}` | {} |\n", requirement(access)),
                )
            })
            .collect();
        rows.sort();
        let rows: String = rows.into_iter().map(|(_, row)| row).collect();
        format!("\n| operation | requires |\n| --- | --- |\n{rows}")
    }

    #[test]
    fn the_table_of_permissions_is_that_of_the_routes() {
        let file = std::fs::read_to_string(FILE).unwrap();
        let (prose, table_there) = file.split_once(MARK).expect(MARK);
        let table = table();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(FILE, format!("{prose}{MARK}{table}")).unwrap();
            return;
        }
        assert!(
            table_there == table,
            "docs/access.md differs from the routes; regenerate it with \
             UPDATE_DOCS=1 cargo test -p strongroom-api access"
        );
    }
}
