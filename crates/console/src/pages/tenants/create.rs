//! The form for a new tenant.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::form_errors::FormErrors;
use crate::form_once::Opened;
use crate::layout::{Layout, Part, html};
use crate::pages::tenants::{all, list_path};
use crate::posted::Posted;
use crate::session::Session;
use crate::shown_once::ShownOnce;
use crate::words;

const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[derive(Template)]
#[template(path = "tenants/create.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    typed: String,
    opened: Opened,
    errors: FormErrors,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::OrganizationsManage).await?;
    let name = String::new();
    let (opened, errors) = (Opened::now(&session), FormErrors::default());
    page(&session, name, opened, errors, StatusCode::OK).await
}

/// Creates the tenant, and shows its first key, this one time.
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::OrganizationsManage).await?;
    let mut fields = posted.form();
    let opened = Opened::take(&mut fields)?;
    let name = fields.take("name")?.unwrap_or_default().trim().to_owned();
    let mut errors = FormErrors::default();
    let tenants = all(session).await?;
    let existing = tenants
        .iter()
        .map(|one| (one.name.as_str(), one.created_at));
    if opened.has_created(&name, existing) {
        let message = "this form has created a tenant with this name already; its key was shown \
                       once. If you do not have it, act in the tenant and issue another";
        errors.add("name", message);
        return page(session, name, opened, errors, StatusCode::CONFLICT).await;
    }
    // A page that cannot be shown must not cost the key.
    let layout = Layout::new(session, Part::Tenants, "The new tenant").await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let created = vault.create_suborganization(caller, &name, Level::default());
    // Without waiting for regions: after a timeout of theirs, the key would be lost.
    let (tenant, key) = match session.state.write_with_deadline(created).await {
        Ok(created) => created.without_waiting(),
        Err(error) => {
            errors.add_refusal(error)?;
            return page(session, name, opened, errors, REFUSED).await;
        }
    };
    let shown = ShownOnce {
        layout,
        kind: "First API key of the tenant",
        secret: key.text.expose(),
        facts: vec![
            ("Tenant", tenant.name),
            ("Id", tenant.id.to_string()),
            (
                "The key may",
                words::permissions(key.stored.limits.permissions),
            ),
        ],
        warning: None,
        back: list_path(session),
    };
    shown.answer()
}

async fn page(
    session: &Session,
    typed: String,
    opened: Opened,
    errors: FormErrors,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let page = Page {
        layout: Layout::new(session, Part::Tenants, "Create a tenant").await?,
        list: list_path(session),
        typed,
        opened,
        errors,
    };
    html(&page, status)
}
