//! The deletion of a tenant with all those below it, and its undo.

use actix_web::HttpResponse;
use askama::Template;
use strongroom_domain::caller::Caller;
use strongroom_domain::organization::{DEFAULT_GRACE, Organization, Subtree};
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::flash::Flash;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::tenants::{list_path, named};
use crate::posted::Posted;
use crate::session::Session;

/// The field with the number of tenants below the tenant, as the page showed it.
const BELOW: &str = "below";
/// The field with the name, typed again.
const CONFIRMATION: &str = "confirmation";

#[derive(Template)]
#[template(path = "tenants/delete.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    name: String,
    below: usize,
    credentials: String,
    api_keys: String,
    clients: String,
    /// How many days it can be restored.
    days: i64,
    typed: String,
    errors: FormErrors,
}

/// Asks whether the tenant is to be deleted, and says what goes with it.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let (tenant, acting) = named(&session, false).await?;
    let subtree = subtree(&session, &acting).await?;
    let nothing = (String::new(), FormErrors::default());
    page(&session, tenant, subtree, nothing).await
}

/// Deletes the tenant and those below it, if its name was typed.
pub(crate) async fn delete(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let (tenant, acting) = named(session, false).await?;
    let mut form = posted.form();
    let shown = form.take(BELOW)?.and_then(|text| text.parse().ok());
    let shown: usize = shown.ok_or_else(PageError::incomplete_form)?;
    let typed = form.take(CONFIRMATION)?.unwrap_or_default().to_plain();
    let subtree = subtree(session, &acting).await?;
    let mut errors = FormErrors::default();
    if !is_same_name(&typed, &tenant.name) {
        errors.add(CONFIRMATION, "must be the name of the tenant");
    }
    if shown != subtree.below {
        let message = "the number of tenants below it has changed: look at it again";
        errors.add(CONFIRMATION, message);
    }
    if !errors.is_empty() {
        return page(session, tenant, subtree, (typed, errors)).await;
    }
    let (vault, has_others) = (&session.vault, subtree.below > 0);
    let deleted = vault.delete_organization(&acting, DEFAULT_GRACE, has_others, Level::default());
    session.write(deleted).await?;
    let flash = match has_others {
        true => Flash::TenantsDeleted,
        false => Flash::TenantDeleted,
    };
    Ok(see_other(&list_path(session), Some(flash)))
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

async fn subtree(session: &Session, acting: &Caller) -> Result<Subtree, PageError> {
    let subtree = session.vault.subtree(acting);
    Ok(session.state.with_deadline(subtree).await?)
}

// A browser shows runs of spaces as one.
fn is_same_name(typed: &str, name: &str) -> bool {
    typed.split_whitespace().eq(name.split_whitespace())
}

async fn page(
    session: &Session,
    tenant: Organization,
    subtree: Subtree,
    (typed, errors): (String, FormErrors),
) -> Result<HttpResponse, PageError> {
    let status = errors.status();
    let page = Page {
        layout: Layout::new(session, Part::Tenants, "Delete a tenant").await?,
        list: list_path(session),
        id: tenant.id.to_string(),
        name: tenant.name,
        below: subtree.below,
        credentials: counted(subtree.holdings.credentials),
        api_keys: counted(subtree.holdings.api_keys),
        clients: counted(subtree.holdings.clients),
        days: DEFAULT_GRACE.num_days(),
        typed,
        errors,
    };
    html(&page, status)
}

fn counted(number: i64) -> String {
    match number {
        Subtree::COUNTED.. => format!("{} or more", Subtree::COUNTED),
        number => number.to_string(),
    }
}
