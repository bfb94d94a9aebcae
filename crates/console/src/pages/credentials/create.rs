//! The form for a new credential.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::credential::NewCredential;
use strongroom_domain::idempotency::IdempotencyKey;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::label::Label;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{CreateRequest, VaultError};
use strongroom_web::form::Form;
use strongroom_web::query::Params;
use uuid::Uuid;

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
    shown: Shown,
}

/// The form.
struct Shown {
    /// The idempotency key: the form creates one credential, however often it is sent.
    once: String,
    provider: Provider,
    kind: CredentialType,
    fields: Fields,
}

/// The field of the idempotency key.
const ONCE: &str = "once";

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
    let provider = provider.unwrap_or(Provider::Generic);
    let kind = kind.unwrap_or(CredentialType::ApiKey);
    let mut shown = Shown {
        once: Uuid::new_v4().to_string(),
        provider,
        kind,
        fields: Fields::of(provider, kind),
    };
    // What was typed before another type was chosen.
    for field in [&mut shown.fields.label, &mut shown.fields.expires] {
        field.value = params.take(&field.name).unwrap_or_default();
    }
    page(&session, shown, StatusCode::OK).await
}

/// Creates what the form contains.
pub(crate) async fn create(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let mut form = posted.form();
    let (mut shown, key) = read(&mut form)?;
    let typed = shown.fields.take(&mut form)?;
    let Some(new) = new(&mut shown.fields, typed, (shown.provider, shown.kind)) else {
        return page(session, shown, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let request = CreateRequest {
        new,
        level: Level::default(),
        key: Some(key),
    };
    match session
        .write(vault.create_credential(caller, request))
        .await
    {
        Ok(created) => Ok(see_other(&path(session, created.id), Some(Flash::Created))),
        Err(VaultError::Invalid(errors)) => {
            shown.fields.add_errors(errors);
            page(session, shown, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error.into()),
    }
}

/// What the form says besides the fields that are typed.
fn read(form: &mut Form<'_>) -> Result<(Shown, IdempotencyKey), PageError> {
    let once = form.take(ONCE)?.unwrap_or_default().to_plain();
    let key = IdempotencyKey::parse(&once).map_err(|_| PageError::incomplete_form())?;
    let provider = form.take("extcred_provider")?;
    let provider = provider.and_then(|text| Provider::parse(&text));
    let kind = form.take("extcred_type")?;
    let kind = kind.and_then(|text| CredentialType::parse(&text));
    let (provider, kind) = provider.zip(kind).ok_or_else(PageError::incomplete_form)?;
    let shown = Shown {
        once,
        provider,
        kind,
        fields: Fields::of(provider, kind),
    };
    Ok((shown, key))
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
    shown: Shown,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let page = Page {
        layout: Layout::new(session, Part::Credentials, "New credential").await?,
        list: paths::credentials(session.caller.org()),
        shown,
    };
    html(&page, status)
}
