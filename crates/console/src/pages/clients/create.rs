//! The form for a new client.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::NewClient;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;

use crate::error::PageError;
use crate::form_errors::FormErrors;
use crate::form_once::Opened;
use crate::layout::{Layout, Part, html};
use crate::pages::clients::form::ClientForm;
use crate::pages::clients::{facts, list_path};
use crate::posted::Posted;
use crate::session::Session;
use crate::shown_once::ShownOnce;

const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[derive(Template)]
#[template(path = "clients/create.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    form: ClientForm,
    /// Whether the caller can create clients for descendants.
    has_descendants: bool,
    opened: Opened,
    errors: FormErrors,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let form = ClientForm::empty();
    let (opened, errors) = (Opened::now(&session), FormErrors::default());
    page(&session, form, opened, errors, StatusCode::OK).await
}

/// Creates the client that the form describes, and shows its secret, this one time.
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let mut fields = posted.form();
    let opened = Opened::take(&mut fields)?;
    let form = ClientForm::take(&mut fields)?;
    let mut errors = FormErrors::default();
    let Some(seconds) = form.seconds(&mut errors) else {
        return page(session, form, opened, errors, REFUSED).await;
    };
    if is_repeated(session, opened, &form.name).await? {
        let message = "this form has created a client with this name already; its secret was \
                       shown once. If you do not have it, give that client a new one";
        errors.add("client_name", message);
        return page(session, form, opened, errors, StatusCode::CONFLICT).await;
    }
    let new = NewClient {
        name: form.name.clone(),
        scopes: form.scopes.iter().copied().collect(),
        organizations: form.reach(),
        access_token_duration: seconds,
    };
    // A page that cannot be shown must not cost the secret.
    let layout = Layout::new(session, Part::Clients, "The new client").await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let created = vault.create_oauth_client(caller, new, Level::default());
    // Without waiting for regions: after a timeout of theirs, the secret would be lost.
    let issued = match session.state.write_with_deadline(created).await {
        Ok(created) => created.without_waiting(),
        Err(error) => {
            errors.add_refusal(error)?;
            return page(session, form, opened, errors, REFUSED).await;
        }
    };
    let shown = ShownOnce {
        layout,
        kind: "Client secret",
        secret: issued.secret.expose(),
        facts: facts(&issued),
        warning: None,
        back: list_path(session),
    };
    shown.answer()
}

async fn is_repeated(session: &Session, opened: Opened, name: &str) -> Result<bool, PageError> {
    let clients = session.vault.oauth_clients(&session.caller);
    let clients = session.state.with_deadline(clients).await?;
    let clients = clients.iter().map(|info| &info.client);
    let existing = clients.map(|client| (client.name.as_str(), client.created_at));
    Ok(opened.has_created(name, existing))
}

async fn page(
    session: &Session,
    form: ClientForm,
    opened: Opened,
    errors: FormErrors,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let page = Page {
        layout: Layout::new(session, Part::Clients, "Create a client").await?,
        list: list_path(session),
        form,
        has_descendants: session.caller.limits().organizations == OrganizationReach::Descendants,
        opened,
        errors,
    };
    html(&page, status)
}
