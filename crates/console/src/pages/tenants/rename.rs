//! The name of a tenant.

use actix_web::HttpResponse;
use askama::Template;
use strongroom_domain::organization::Organization;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::tenants::{list_path, named};
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "tenants/rename.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    typed: String,
    errors: FormErrors,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let (tenant, _) = named(&session, false).await?;
    let name = tenant.name.clone();
    page(&session, &tenant, name, FormErrors::default()).await
}

/// Changes the name.
pub(crate) async fn rename(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let (tenant, acting) = named(session, false).await?;
    let name = posted
        .form()
        .take("name")?
        .unwrap_or_default()
        .trim()
        .to_owned();
    let renamed = session
        .vault
        .rename_organization(&acting, &name, Level::default());
    match session.write(renamed).await {
        Ok(()) => Ok(see_other(&list_path(session), Some(Flash::TenantRenamed))),
        Err(error) => {
            let mut errors = FormErrors::default();
            errors.add_refusal(error)?;
            page(session, &tenant, name, errors).await
        }
    }
}

async fn page(
    session: &Session,
    tenant: &Organization,
    typed: String,
    errors: FormErrors,
) -> Result<HttpResponse, PageError> {
    let status = errors.status();
    let page = Page {
        layout: Layout::new(session, Part::Tenants, "Rename a tenant").await?,
        list: list_path(session),
        id: tenant.id.to_string(),
        typed,
        errors,
    };
    html(&page, status)
}
