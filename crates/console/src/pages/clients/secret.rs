//! A new secret of a client.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{ClientInfo, VaultError};

use crate::error::PageError;
use crate::form_errors::FormErrors;
use crate::layout::{Layout, Part, html};
use crate::pages::clients::{facts, list_path, named};
use crate::posted::Posted;
use crate::session::Session;
use crate::shown_once::ShownOnce;

/// The field with the version of the client that the form is about. Every new secret increases it,
/// so that a page that is reloaded does not replace the secret again.
const VERSION: &str = "version";

#[derive(Template)]
#[template(path = "clients/secret.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    id: String,
    name: String,
    version: i64,
    errors: FormErrors,
}

/// Asks whether the secret is to be replaced.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let info = named(&session).await?;
    page(&session, &info, FormErrors::default()).await
}

/// Replaces the secret, and shows the new one, this one time.
pub(crate) async fn replace(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let info = named(session).await?;
    let version = posted.form().take(VERSION)?;
    let version: Option<i64> = version.and_then(|text| text.parse().ok());
    let version = version.ok_or_else(PageError::incomplete_form)?;
    if version != info.client.version {
        return Err(VaultError::PreconditionFailed.into());
    }
    // A page that cannot be shown must not cost the secret.
    let layout = Layout::new(session, Part::Clients, "The new secret").await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let replaced = vault.replace_client_secret(caller, info.client.id, Level::default());
    // Without waiting for regions: after a timeout of theirs, the secret would be lost.
    let issued = match session.state.write_with_deadline(replaced).await {
        Ok(replaced) => replaced.without_waiting(),
        Err(error) => {
            let mut errors = FormErrors::default();
            errors.add_refusal(error)?;
            return page(session, &info, errors).await;
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

async fn page(
    session: &Session,
    info: &ClientInfo,
    errors: FormErrors,
) -> Result<HttpResponse, PageError> {
    let status = match errors.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::FORBIDDEN,
    };
    let page = Page {
        layout: Layout::new(session, Part::Clients, "Replace a secret").await?,
        list: list_path(session),
        id: info.client.client_id(),
        name: info.client.name.clone(),
        version: info.client.version,
        errors,
    };
    html(&page, status)
}
