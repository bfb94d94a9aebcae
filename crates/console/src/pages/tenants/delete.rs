//! The deletion of a tenant, and its undo.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::organization::DEFAULT_GRACE;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::tenants::{list_path, named};
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "tenants/delete.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    name: String,
    /// How many days it can be restored.
    days: i64,
}

/// Asks whether the tenant is to be deleted.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let (tenant, _) = named(&session, false).await?;
    let page = Page {
        layout: Layout::new(&session, Part::Tenants, "Delete a tenant").await?,
        list: list_path(&session),
        id: tenant.id.to_string(),
        name: tenant.name,
        days: DEFAULT_GRACE.num_days(),
    };
    html(&page, StatusCode::OK)
}

/// Deletes the tenant, unless it has tenants itself.
pub(crate) async fn delete(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let (_, acting) = named(session, false).await?;
    let level = Level::default();
    let deleted = session
        .vault
        .delete_organization(&acting, DEFAULT_GRACE, false, level);
    session.write(deleted).await?;
    Ok(see_other(&list_path(session), Some(Flash::TenantDeleted)))
}

/// Restores the deleted tenant.
pub(crate) async fn restore(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let (_, acting) = named(session, true).await?;
    let restored = session
        .vault
        .restore_organization(&acting, Level::default());
    session.write(restored).await?;
    Ok(see_other(&list_path(session), Some(Flash::TenantRestored)))
}
