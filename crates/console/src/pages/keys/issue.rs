//! The issue of a key.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::api_key::limits::OrganizationReach;
use strongroom_domain::kinds::{CredentialType, Provider};
use strongroom_domain::permission::{Permission, Role};
use strongroom_domain::replication::Level;
use strongroom_domain::{IssuedApiKey, KeyId, NewApiKey};
use strongroom_web::query::Params;

use crate::error::PageError;
use crate::form_errors::FormErrors;
use crate::form_once::Opened;
use crate::layout::{Layout, Part, html};
use crate::pages::keys::form::{KeyForm, OVERLAPS, overlap};
use crate::pages::keys::{all, list_path, one};
use crate::posted::Posted;
use crate::session::Session;
use crate::shown_once::ShownOnce;
use crate::words;

const REFUSED: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[derive(Template)]
#[template(path = "keys/issue.html")]
struct Page {
    layout: Layout,
    /// The path of the list.
    list: String,
    form: KeyForm,
    /// The name of the key that ends.
    replaced: Option<String>,
    /// Whether the caller can issue keys for descendants.
    has_descendants: bool,
    opened: Opened,
    errors: FormErrors,
}

/// Shows the form: empty, or for a successor of the key that `replaces` names.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    session.authorize(Permission::KeysManage).await?;
    let mut params = Params::parse(session.request.query_string());
    let form = match params.take("replaces") {
        None => KeyForm {
            role: Role::Reader.as_str().to_owned(),
            ..KeyForm::default()
        },
        Some(id) => {
            let key = one(&session, KeyId::parse(&id)).await?;
            KeyForm::successor(&key, session.vault.now())
        }
    };
    let (opened, errors) = (Opened::now(&session), FormErrors::default());
    page(&session, form, opened, errors, StatusCode::OK).await
}

/// Issues the key that the form describes, and shows it, this one time.
pub(crate) async fn issue(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::KeysManage).await?;
    let mut fields = posted.form();
    let opened = Opened::take(&mut fields)?;
    let form = KeyForm::take(&mut fields)?;
    let mut errors = FormErrors::default();
    if form.replaces.is_some() && overlap(&form.overlap).is_none() {
        errors.add("overlap", "choose when the old key ends");
    }
    let Some(new) = form.read(&mut errors) else {
        return page(session, form, opened, errors, REFUSED).await;
    };
    let keys = all(session).await?;
    let existing = keys.iter().map(|key| (key.name.as_str(), key.created_at));
    if opened.has_created(&new.name, existing) {
        let message = "this form has issued a key with this name already; its text was shown \
                       once. If you do not have it, end that key and issue another";
        errors.add("name", message);
        return page(session, form, opened, errors, StatusCode::CONFLICT).await;
    }
    if let Some(old) = form.replaces {
        one(session, Some(old)).await?;
    }
    // A page that cannot be shown must not cost the text of a key.
    let layout = Layout::new(session, Part::Keys, "The new key").await?;
    match create(session, new).await? {
        Ok(key) => {
            let warning = end_old(session, &form).await;
            shown(layout, list_path(session), &key, warning)
        }
        Err(errors) => page(session, form, opened, errors, REFUSED).await,
    }
}

// The result does not wait for regions: after a timeout of theirs, the text of the key would be
// lost.
async fn create(
    session: &Session,
    new: NewApiKey,
) -> Result<Result<IssuedApiKey, FormErrors>, PageError> {
    let (vault, caller) = (&session.vault, &session.caller);
    let created = vault.create_api_key(caller, new, Level::default());
    match session.state.write_with_deadline(created).await {
        Ok(created) => Ok(Ok(created.without_waiting())),
        Err(error) => {
            let mut errors = FormErrors::default();
            errors.add_refusal(error)?;
            Ok(Err(errors))
        }
    }
}

/// Lets the key that the form replaces end. Returns what did not work.
async fn end_old(session: &Session, form: &KeyForm) -> Option<String> {
    let (old, overlap) = (form.replaces?, overlap(&form.overlap)?);
    let (vault, caller) = (&session.vault, &session.caller);
    let ended = vault.schedule_key_end(caller, old, overlap, Level::default());
    // Without waiting for regions, as for the new key.
    let ended = session.state.write_with_deadline(ended).await;
    ended.err().map(|_| {
        "The new key is issued, but the end of the old one may not be scheduled. Look at it in \
         the list of keys."
            .to_owned()
    })
}

fn shown(
    layout: Layout,
    back: String,
    key: &IssuedApiKey,
    warning: Option<String>,
) -> Result<HttpResponse, PageError> {
    let limits = &key.stored.limits;
    let mut facts = vec![
        ("Name", key.stored.name.clone()),
        ("Id", key.stored.id.to_string()),
        ("May", words::permissions(limits.permissions)),
    ];
    let others = words::limits(limits).into_iter();
    facts.extend(others.map(|limit| ("Limited to", limit)));
    let page = ShownOnce {
        layout,
        kind: "API key",
        secret: key.text.expose(),
        facts,
        warning,
        back,
    };
    page.answer()
}

async fn page(
    session: &Session,
    form: KeyForm,
    opened: Opened,
    errors: FormErrors,
    status: StatusCode,
) -> Result<HttpResponse, PageError> {
    let replaced = match form.replaces {
        None => None,
        Some(id) => Some(one(session, Some(id)).await?.name),
    };
    let title = match replaced {
        None => "Issue a key",
        Some(_) => "Replace a key",
    };
    let page = Page {
        layout: Layout::new(session, Part::Keys, title).await?,
        list: list_path(session),
        form,
        replaced,
        has_descendants: session.caller.limits().organizations == OrganizationReach::Descendants,
        opened,
        errors,
    };
    html(&page, status)
}
