//! The secret of a credential.

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use askama::Template;
use serde_json::Value;
use strongroom_domain::VaultError;
use strongroom_domain::blob::JsonBlob;
use strongroom_domain::credential::{Reveal, RevealedCredential};
use strongroom_domain::json;
use strongroom_domain::permission::Permission;
use zeroize::Zeroizing;

use crate::error::PageError;
use crate::layout::{Layout, Part};
use crate::pages::credentials::fields::copied;
use crate::pages::credentials::{Shown, id};
use crate::posted::Posted;
use crate::shown_once::wiped;

#[derive(Template)]
#[template(path = "credentials/reveal.html")]
struct Page {
    layout: Layout,
    credential: Shown,
    members: Vec<(String, Zeroizing<String>)>,
}

/// Shows the secret, or answers what the script copies.
pub(crate) async fn handle(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsReveal).await?;
    let id = id(session)?;
    let mut form = posted.form();
    let reason = form.take("reason")?;
    let copies = form.take("copy")?.is_some();
    let (vault, caller) = (&session.vault, &session.caller);
    let reveal = async {
        match reason.as_deref().map(str::trim) {
            Some(reason) => vault.reveal_for_reason(caller, id, reason).await,
            None => vault.reveal_credential(caller, id, None).await,
        }
    };
    let Reveal::Opened(revealed) = session.state.with_deadline(reveal).await? else {
        return Err(VaultError::Internal("an unconditional reveal had a condition".into()).into());
    };
    if copies {
        return copy(&revealed);
    }
    let credential = Shown::of(&revealed.info, session);
    let title = format!("Secret of {}", credential.label);
    let page = Page {
        layout: Layout::new(session, Part::Credentials, title).await?,
        members: members(&revealed)?,
        credential,
    };
    let length = page
        .members
        .iter()
        .map(|(name, value)| 2 * name.len() + value.len());
    wiped(&page, length.sum())
}

/// The member that one pastes elsewhere, or all of it, as plain text.
fn copy(revealed: &RevealedCredential) -> Result<HttpResponse, PageError> {
    let (provider, kind) = (revealed.info.provider, revealed.info.kind);
    let bytes = revealed.blob.expose();
    let member = copied(provider, kind).and_then(|member| {
        let blob = json::parse(bytes)
            .ok()
            .and_then(|value| JsonBlob::new(value).ok());
        blob?.string(member)
    });
    let text = match &member {
        Some(text) => text.expose().as_bytes().to_vec(),
        None => bytes.to_vec(),
    };
    let mut response = HttpResponse::Ok();
    Ok(response
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body(Bytes::from_owner(Zeroizing::new(text))))
}

fn members(revealed: &RevealedCredential) -> Result<Vec<(String, Zeroizing<String>)>, PageError> {
    let value = json::parse(revealed.blob.expose());
    let value = value.map_err(|error| PageError::defect(&error.message))?;
    let members = value.members().unwrap_or_default();
    let shown = members.iter().map(|(name, value)| {
        let text = value.as_string();
        let text = text.unwrap_or_else(|| Zeroizing::new(pretty(value.text())));
        (name.to_string(), text)
    });
    Ok(shown.collect())
}

fn pretty(text: &str) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.unwrap_or_else(|| text.to_owned())
}
