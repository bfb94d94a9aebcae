//! The form for a new credential.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::credential::NewCredential;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{CreateRequest, VaultError};
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::credentials::fields::{Fields, Typed};
use crate::pages::credentials::path;
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "credentials/create.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    provider: Provider,
    kind: CredentialType,
    fields: Fields,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsWrite).await?;
    let mut params = Params::parse(session.request.query_string());
    let provider = params
        .take("provider")
        .and_then(|text| Provider::parse(&text));
    let kind = params
        .take("type")
        .and_then(|text| CredentialType::parse(&text));
    let (provider, kind) = (
        provider.unwrap_or(Provider::Generic),
        kind.unwrap_or(CredentialType::ApiKey),
    );
    let fields = Fields::of(provider, kind);
    page(&session, provider, kind, fields, StatusCode::OK).await
}

/// Creates what the form contains.
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let mut form = posted.form();
    let provider = form.take("extcred_provider")?;
    let provider = provider.and_then(|text| Provider::parse(&text));
    let kind = form
        .take("extcred_type")?
        .and_then(|text| CredentialType::parse(&text));
    let (Some(provider), Some(kind)) = (provider, kind) else {
        return Err(PageError::incomplete_form());
    };
    let mut fields = Fields::of(provider, kind);
    let typed = fields.take(&mut form)?;
    let Some(new) = new(&mut fields, typed, (provider, kind)) else {
        return page(
            session,
            provider,
            kind,
            fields,
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let request = CreateRequest {
        new,
        level: Level::default(),
        key: None,
    };
    match session
        .write(vault.create_credential(caller, request))
        .await
    {
        Ok(created) => Ok(see_other(&path(session, created.id), Some(Flash::Created))),
        Err(VaultError::Invalid(errors)) => {
            fields.add_errors(errors);
            page(
                session,
                provider,
                kind,
                fields,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

/// What the fields say; `None` if something is wrong with them, which they then say.
fn new(
    fields: &mut Fields,
    typed: Option<Typed>,
    (provider, kind): (Provider, CredentialType),
) -> Option<NewCredential> {
    let label = Label::parse(&fields.label.value);
    let label = label.map_err(|error| fields.add_errors(vec![error]));
    let expires_at = fields.expiry();
    // Without any member, the rules say which ones are missing.
    let blob = match typed {
        Some(typed) => typed.blob(),
        None => Typed::nothing().blob(),
    };
    let blob = blob.map_err(|error| fields.add_errors(vec![error])).ok()?;
    let new = NewCredential {
        provider,
        kind,
        label: label.ok()?,
        blob,
        expires_at,
    };
    (!fields.has_errors()).then_some(new)
}

async fn page(
    session: &Session,
    provider: Provider,
    kind: CredentialType,
    fields: Fields,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let page = Page {
        layout: Layout::new(session, Part::Credentials, "New credential").await?,
        list: paths::credentials(session.caller.org()),
        provider,
        kind,
        fields,
    };
    html(&page, status)
}
