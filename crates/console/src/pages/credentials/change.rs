//! The form for a change of a credential.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::credential::{CredentialChange, CredentialInfo};
use strongroom_domain::entity_tag::Condition;
use strongroom_domain::expiry::{ExpiryChange, ExpirySource};
use strongroom_domain::kinds::CredentialType;
use strongroom_domain::label::Label;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{CredentialId, VaultError};

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, html, see_other};
use crate::pages::credentials::fields::{Fields, Typed};
use crate::pages::credentials::{Shown, id, if_match, path};
use crate::paths;
use crate::posted::Posted;
use crate::session::Session;

#[derive(Template)]
#[template(path = "credentials/change.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    fields: Fields,
    /// Whether the organization keeps other values than the current one.
    keeps_values: bool,
    /// The path of its settings, for a caller that changes them.
    settings: Option<String>,
}

/// Shows the form.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::CredentialsWrite).await?;
    let info = current(&session, id(&session)?).await?;
    let mut fields = Fields::of(info.provider, info.kind);
    fields.label.value = info.label.as_str().to_owned();
    fields.expires.value = set_expiry(&info);
    page(&session, &info, fields, StatusCode::OK).await
}

/// Makes the change that the form contains.
pub(crate) async fn change(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let id = id(session)?;
    let info = current(session, id).await?;
    let mut form = posted.form();
    let condition = if_match(&mut form)?;
    let pending = form.take("pending")?.is_some();
    let mut fields = Fields::of(info.provider, info.kind);
    let typed = fields.take(&mut form)?;
    let Some(change) = read(&mut fields, typed, &info, condition, pending) else {
        return page(session, &info, fields, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    match write(session, id, change, pending).await {
        Ok(()) => {
            let flash = if pending {
                Flash::Staged
            } else {
                Flash::Changed
            };
            Ok(see_other(&path(session, id), Some(flash)))
        }
        Err(VaultError::Invalid(errors)) => {
            fields.add_errors(errors);
            page(session, &info, fields, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn write(
    session: &Session,
    id: CredentialId,
    change: CredentialChange,
    pending: bool,
) -> Result<(), VaultError> {
    let (vault, caller) = (&session.vault, &session.caller);
    let level = Level::default();
    if pending {
        let staged = vault.stage_credential(caller, id, change, level);
        return session.write(staged).await.map(drop);
    }
    session
        .write(vault.update_credential(caller, id, change, level))
        .await
        .map(drop)
}

/// The change that the fields say; `None` if something is wrong with them, which they then say.
fn read(
    fields: &mut Fields,
    typed: Option<Typed>,
    info: &CredentialInfo,
    condition: Condition,
    pending: bool,
) -> Option<CredentialChange> {
    let label = Label::parse(&fields.label.value);
    let label = label.map_err(|error| fields.add_errors(vec![error])).ok();
    let label = label.filter(|label| *label != info.label);
    if pending && label.is_some() {
        let message = "must stay as it is: a pending value has no label of its own";
        fields.label.error = Some(message.to_owned());
    }
    let expires_at = fields.expiry();
    let mut change = CredentialChange {
        label,
        blob: None,
        merge: None,
        expiry: expiry_change(expires_at, fields, info),
        if_match: Some(condition),
        provider: None,
        kind: None,
    };
    let wrong = match typed {
        None => None,
        Some(typed) if info.kind == CredentialType::JsonCredentials => {
            typed.blob().map(|blob| change.blob = Some(blob)).err()
        }
        Some(typed) => typed.merge().map(|merge| change.merge = Some(merge)).err(),
    };
    fields.add_errors(wrong.into_iter().collect());
    let has_secret = change.blob.is_some() || change.merge.is_some();
    let has_any = has_secret || change.label.is_some() || change.expiry.is_some();
    if !fields.has_errors() && (!has_any || (pending && !has_secret)) {
        fields.errors.push(match pending {
            true => "Enter the secret that is pending.".to_owned(),
            false => "Nothing was changed: all fields are as before.".to_owned(),
        });
    }
    (!fields.has_errors()).then_some(change)
}

// The field shows minutes, so that what was not touched is compared as a text.
fn expiry_change(
    typed: Option<chrono::DateTime<chrono::Utc>>,
    fields: &Fields,
    info: &CredentialInfo,
) -> Option<ExpiryChange> {
    if fields.expires.value == set_expiry(info) {
        return None;
    }
    Some(typed.map_or(ExpiryChange::Derive, ExpiryChange::At))
}

/// The expiry that a caller has set, as the field shows it.
fn set_expiry(info: &CredentialInfo) -> String {
    let set = info
        .expiry
        .filter(|expiry| expiry.source == ExpirySource::Caller);
    set.map(|expiry| expiry.at.format("%Y-%m-%dT%H:%M").to_string())
        .unwrap_or_default()
}

async fn current(session: &Session, id: CredentialId) -> Result<CredentialInfo, PageError> {
    let info = session.vault.credential_info(&session.caller, id);
    Ok(session.state.with_deadline(info).await?)
}

async fn page(
    session: &Session,
    info: &CredentialInfo,
    fields: Fields,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let credential = Shown::of(info, session);
    let title = format!("Change {}", credential.label);
    let settings = session.vault.settings(&session.caller);
    let settings = session.state.with_deadline(settings).await?;
    let may_set = session.may(Permission::OrganizationsManage);
    let page = Page {
        keeps_values: settings.versions_kept > 0,
        settings: may_set.then(|| paths::settings(session.caller.org())),
        layout: Layout::new(session, Part::Credentials, title).await?,
        credential,
        fields,
    };
    html(&page, status)
}
