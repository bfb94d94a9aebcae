//! The form for changes of a client.

use actix_web::HttpResponse;
use askama::Template;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{ClientChange, ClientInfo};

use crate::error::PageError;
use crate::flash::Flash;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::clients::form::ClientForm;
use crate::pages::clients::{list_path, named};
use crate::pages::sign_out::close_sessions_of;
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "clients/change.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    form: ClientForm,
    errors: FormErrors,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let info = named(&session).await?;
    let form = ClientForm::of(&info.client);
    page(&session, &info, form, FormErrors::default()).await
}

/// Makes the change that the form contains.
pub(crate) async fn change(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let info = named(session).await?;
    let form = ClientForm::take(&mut posted.form())?;
    let mut errors = FormErrors::default();
    let Some(seconds) = form.seconds(&mut errors) else {
        return page(session, &info, form, errors).await;
    };
    let change = ClientChange {
        name: Some(form.name.clone()),
        scopes: Some(form.scopes.iter().copied().collect()),
        access_token_duration: Some(seconds),
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let changed = vault.change_oauth_client(caller, info.client.id, change, Level::default());
    match session.write(changed).await {
        Ok(_) => Ok(see_other(&list_path(session), Some(Flash::ClientChanged))),
        Err(error) => {
            errors.add_refusal(error)?;
            page(session, &info, form, errors).await
        }
    }
}

/// Ends the sessions of the client.
pub(crate) async fn close_sessions(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let id = named(session).await?.client.id;
    close_sessions_of(&posted, id, &list_path(session)).await
}

async fn page(
    session: &Session,
    info: &ClientInfo,
    form: ClientForm,
    errors: FormErrors,
) -> Result<HttpResponse, PageError> {
    let status = errors.status();
    let page = Page {
        layout: Layout::new(session, Part::Clients, "Change a client").await?,
        list: list_path(session),
        id: info.client.client_id(),
        form,
        errors,
    };
    html(&page, status)
}
