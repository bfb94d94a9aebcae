//! The list of clients.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use strongroom_domain::ClientInfo;
use strongroom_domain::permission::Permission;
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::{Pages, cut, html_len, short};
use crate::pages::clients::list_path;
use crate::session::Session;
use crate::times::Moment;
use crate::words;

#[derive(Template)]
#[template(path = "clients/list.html")]
struct Page {
    layout: Layout,
    path: String,
    rows: Vec<Row>,
    pages: Pages,
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
    let path = list_path(&session);
    let mut params = Params::parse(session.request.query_string());
    let rows = clients.iter().map(|info| row(&session, info)).collect();
    let (rows, pages) = cut(rows, Row::weight, &mut params, (&path, ""));
    let page = Page {
        layout,
        path,
        rows,
        pages,
    };
    answer(&page, &session)
}

impl Row {
    fn weight(&self) -> usize {
        html_len(&self.name) + html_len(&self.limits)
    }
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
