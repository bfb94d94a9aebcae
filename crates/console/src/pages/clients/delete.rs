//! The deletion of a client.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::caller::Actor;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::clients::{list_path, named};
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "clients/delete.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    name: String,
    /// Whether it is that of the session.
    is_own: bool,
}

/// Asks whether the client is to be deleted.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let client = named(&session).await?.client;
    let page = Page {
        layout: Layout::new(&session, Part::Clients, "Delete a client").await?,
        list: list_path(&session),
        id: client.client_id(),
        is_own: session.caller.actor() == Actor::Client(client.id),
        name: client.name,
    };
    html(&page, StatusCode::OK)
}

/// Deletes the client.
pub(crate) async fn delete(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let client = named(session).await?.client;
    let (vault, caller) = (&session.vault, &session.caller);
    let deleted = vault.delete_oauth_client(caller, client.id, Level::default());
    session.write(deleted).await?;
    Ok(see_other(&list_path(session), Some(Flash::ClientDeleted)))
}
