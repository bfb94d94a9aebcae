//! OAuth 2.0 clients: the list, forms for a new one and for changes, and their secrets.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
mod form;
pub(crate) mod list;
pub(crate) mod secret;

use strongroom_domain::oauth::client::parse_client_id;
use strongroom_domain::{ClientInfo, IssuedClient};

use crate::error::PageError;
use crate::paths;
use crate::session::Session;
use crate::words;

/// The path of the list.
fn list_path(session: &Session) -> String {
    format!("{}/clients", paths::organization(session.caller.org()))
}

/// The client that the path names.
///
/// # Errors
/// 404 if the organization has none.
async fn named(session: &Session) -> Result<ClientInfo, PageError> {
    let text = session.request.match_info().get("client_id");
    let id = text.and_then(parse_client_id);
    let id = id.filter(|(org, _)| *org == session.caller.org());
    let (_, id) = id.ok_or_else(PageError::unknown_path)?;
    let found = session.vault.oauth_client(&session.caller, id);
    Ok(session.state.with_deadline(found).await?)
}

/// What belongs to the secret of `issued`.
fn facts(issued: &IssuedClient) -> Vec<(&'static str, String)> {
    let limits = &issued.client.limits;
    let mut facts = vec![
        ("Name", issued.client.name.clone()),
        ("Client id", issued.client.client_id()),
        ("May", words::permissions(limits.permissions)),
    ];
    let others = words::limits(limits).into_iter();
    facts.extend(others.map(|words| ("Where", words)));
    facts
}
