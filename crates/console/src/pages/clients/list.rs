//! The list of clients.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use strongroom_domain::ClientInfo;
use strongroom_domain::permission::Permission;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::{List, html_len, short};
use crate::pages::clients::list_path;
use crate::session::Session;
use crate::times::Moment;
use crate::words;

#[derive(Template)]
#[template(path = "clients/list.html")]
struct Page {
    layout: Layout,
    list: List<Row>,
}

struct Row {
    id: String,
    name: String,
    permissions: String,
    limits: String,
    seconds: i64,
    created: Moment,
    last_used: Option<Moment>,
}

/// Shows the clients, the newest first.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let clients = session.vault.oauth_clients(&session.caller);
    let clients = async { Ok(session.state.with_deadline(clients).await?) };
    let layout = Layout::new(&session, Part::Clients, "OAuth 2.0 clients");
    let (layout, mut clients) = try_join(layout, clients).await?;
    clients.reverse();
    let rows = clients.iter().map(|info| row(&session, info)).collect();
    let weight = |row: &Row| html_len(&row.name) + html_len(&row.limits);
    let query = session.request.query_string();
    let list = List::page(rows, weight, query, (list_path(&session), ""));
    answer(&Page { layout, list }, &session)
}

fn row(session: &Session, info: &ClientInfo) -> Row {
    let now = session.vault.now();
    let client = &info.client;
    Row {
        id: client.client_id(),
        name: short(&client.name),
        permissions: words::permissions(client.limits.permissions),
        limits: words::limits(&client.limits).join("; "),
        seconds: client.access_token_duration,
        created: Moment::new(client.created_at, now),
        last_used: info.last_used.map(|at| Moment::new(at, now)),
    }
}
