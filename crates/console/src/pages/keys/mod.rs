//! API keys: the list, the form for a new one, and the end of one.

pub(crate) mod end;
mod form;
pub(crate) mod issue;
pub(crate) mod list;

use strongroom_domain::KeyId;
use strongroom_domain::api_key::StoredApiKey;

use crate::error::PageError;
use crate::paths;
use crate::session::Session;

/// The path of the list.
fn list_path(session: &Session) -> String {
    format!("{}/keys", paths::organization(session.caller.org()))
}

/// All keys of the organization, oldest first.
///
/// # Errors
/// Those of the read.
async fn all(session: &Session) -> Result<Vec<StoredApiKey>, PageError> {
    let keys = session.vault.api_keys(&session.caller);
    Ok(session.state.with_deadline(keys).await?)
}

/// The key `id` of the organization.
///
/// # Errors
/// 404 if there is none.
async fn one(session: &Session, id: Option<KeyId>) -> Result<StoredApiKey, PageError> {
    let keys = all(session).await?;
    let found = keys.into_iter().find(|key| Some(key.id) == id);
    found.ok_or_else(PageError::unknown_path)
}
