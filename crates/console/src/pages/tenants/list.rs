//! The tree of tenants.

use actix_web::HttpResponse;
use askama::Template;
use futures_util::future::try_join;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_domain::permission::Permission;
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::layout::{Layout, Part, answer};
use crate::listing::{List, html_len, short};
use crate::pages::tenants::tree::{Node, tree};
use crate::pages::tenants::{acts_below, all, list_path};
use crate::paths;
use crate::session::Session;
use crate::times::Moment;

/// The most levels of indentation.
const DEEPEST: usize = 8;

#[derive(Template)]
#[template(path = "tenants/list.html")]
struct Page {
    layout: Layout,
    /// The part of a name that was searched for.
    search: String,
    list: List<Row>,
    acts_below: bool,
}

struct Row {
    id: String,
    name: String,
    depth: usize,
    /// The names of those above it.
    above: String,
    created: Moment,
    /// Until when it can be restored, if it is deleted.
    restorable: Option<Moment>,
    is_deleted: bool,
    /// Where the caller acts in it.
    act_in: String,
}

/// Shows the tree, or the tenants whose name contains what is searched for.
pub(crate) async fn handle(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let query = session.request.query_string();
    let search = Params::parse(query).take("name").unwrap_or_default();
    let wanted = search.trim().to_lowercase();
    let layout = Layout::new(&session, Part::Tenants, "Tenants");
    let (layout, tenants) = try_join(layout, all(&session)).await?;
    let mut nodes = tree(tenants);
    nodes.retain(|node| node.organization.name.to_lowercase().contains(&wanted));
    let kept = match wanted.is_empty() {
        true => String::new(),
        false => format!("&name={}", utf8_percent_encode(&search, NON_ALPHANUMERIC)),
    };
    let rows = nodes.into_iter().map(|node| row(&session, node)).collect();
    let weight = |row: &Row| html_len(&row.name) + html_len(&row.above);
    let list = List::page(rows, weight, query, (list_path(&session), &kept));
    let page = Page {
        layout,
        search,
        list,
        acts_below: acts_below(&session),
    };
    answer(&page, &session)
}

fn row(session: &Session, node: Node) -> Row {
    let now = session.vault.now();
    let tenant = node.organization;
    let restorable = tenant.destroy_after.filter(|at| *at > now);
    Row {
        id: tenant.id.to_string(),
        depth: node.depth.min(DEEPEST),
        above: short(&node.above.join(" / ")),
        created: Moment::new(tenant.created_at, now),
        restorable: restorable.map(|at| Moment::new(at, now)),
        is_deleted: tenant.deleted_at.is_some(),
        act_in: paths::organization(tenant.id),
        name: short(&tenant.name),
    }
}
