//! The relay policy of a credential: an editor, and a test.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use strongroom_domain::permission::Permission;
use strongroom_domain::replication::Level;
use strongroom_domain::{CredentialId, FieldError, RelayPreview, RelayRequest, VaultError, json};
use strongroom_web::form::Form;

use crate::error::PageError;
use crate::flash::Flash;
use crate::layout::{Layout, Part, answer, html, see_other};
use crate::pages::credentials::{id, path};
use crate::posted::Posted;
use crate::session::Session;
use crate::times::Moment;

/// The policy of which the preset makes what the credential needs.
const PRESET: &str = "{}";
/// The field with the version that is edited.
const VERSION: &str = "version";
/// Methods that can be tested.
const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

#[derive(Template)]
#[template(path = "credentials/relay_policy.html")]
struct Page {
    layout: Layout,
    /// The paths of the credential and of its policy.
    credential: String,
    path: String,
    /// The version of the policy and the time of its change, if there is one.
    stored: Option<(i64, Moment)>,
    /// The version of the policy that is edited; 0 for none.
    version: i64,
    text: String,
    errors: Vec<FieldError>,
    may_write: bool,
    methods: [&'static str; 7],
    test: Test,
}

/// A request to test, and what became of it.
#[derive(Default)]
struct Test {
    method: String,
    host: String,
    path: String,
    sent: Option<RelayPreview>,
    problem: Option<String>,
}

/// Shows the policy.
pub(crate) async fn show(session: Session) -> Result<HttpResponse, PageError> {
    let page = page(&session, None, Test::default()).await?;
    answer(&page, &session)
}

/// Stores the policy that the form contains.
pub(crate) async fn put(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let id = id(session)?;
    let mut form = posted.form();
    let text = form.take("policy")?.unwrap_or_default().to_plain();
    let version = version(&mut form)?;
    let errors = match json::parse(text.as_bytes()) {
        Ok(value) => {
            let (vault, caller) = (&session.vault, &session.caller);
            let put = vault.put_relay_policy(caller, id, value, Some(version), Level::default());
            match session.write(put).await {
                Ok(_) => return Ok(see_other(&own_path(session, id), Some(Flash::PolicySaved))),
                Err(VaultError::Invalid(errors)) => errors,
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => vec![FieldError::new(error.field, error.code, error.message)],
    };
    let page = page(session, Some((text, errors)), Test::default()).await?;
    let page = Page { version, ..page };
    html(&page, StatusCode::UNPROCESSABLE_ENTITY)
}

/// Deletes the policy.
pub(crate) async fn delete(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let id = id(session)?;
    let version = version(&mut posted.form())?;
    let (vault, caller) = (&session.vault, &session.caller);
    let deleted = vault.delete_relay_policy(caller, id, Some(version), Level::default());
    session.write(deleted).await?;
    Ok(see_other(&path(session, id), Some(Flash::PolicyDeleted)))
}

/// The version of the policy that the form is about.
///
/// # Errors
/// 400 if the form does not say it.
fn version(form: &mut Form<'_>) -> Result<i64, PageError> {
    let version = form.take(VERSION)?.and_then(|text| text.parse().ok());
    version.ok_or_else(PageError::incomplete_form)
}

/// Shows what would be sent of a request.
pub(crate) async fn test(posted: Posted) -> Result<HttpResponse, PageError> {
    let session = &posted.session;
    session.authorize(Permission::CredentialsWrite).await?;
    let mut form = posted.form();
    let mut field = |name: &str| {
        form.take(name)
            .map(|text| text.unwrap_or_default().to_plain())
    };
    let mut test = Test {
        method: field("method")?,
        host: field("host")?,
        path: field("path")?,
        ..Test::default()
    };
    if !METHODS.contains(&test.method.as_str()) {
        return Err(PageError::incomplete_form());
    }
    match preview(session, &test).await {
        Ok(sent) => test.sent = Some(sent),
        Err(VaultError::Relay(error)) => test.problem = Some(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    html(&page(session, None, test).await?, StatusCode::OK)
}

async fn preview(session: &Session, test: &Test) -> Result<RelayPreview, VaultError> {
    let id = CredentialId::parse(
        session
            .request
            .match_info()
            .get("cred_id")
            .unwrap_or_default(),
    );
    let (path, query) = match test.path.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (test.path.as_str(), None),
    };
    let wanted = RelayRequest {
        id: id.ok_or(VaultError::NotFound)?,
        host: match test.host.as_str() {
            "" => "-".to_owned(),
            host => host.to_owned(),
        },
        method: test.method.clone(),
        path: path.to_owned(),
        query,
        headers: Vec::new(),
        carriers: Vec::new(),
        length: None,
    };
    let preview = session.vault.preview_relay(&session.caller, &wanted);
    session.state.with_deadline(preview).await
}

/// The page, with what was typed, if that was refused.
async fn page(
    session: &Session,
    typed: Option<(String, Vec<FieldError>)>,
    test: Test,
) -> Result<Page, PageError> {
    let id = id(session)?;
    let policy = session.vault.relay_policy(&session.caller, id);
    let policy = match session.state.with_deadline(policy).await {
        Ok(policy) => Some(policy),
        Err(VaultError::NoRelayPolicy) => None,
        Err(error) => return Err(error.into()),
    };
    let stored = policy
        .as_ref()
        .map(|policy| serde_json::to_string_pretty(&policy.policy.to_json()).unwrap_or_default());
    let (text, errors) =
        typed.unwrap_or_else(|| (stored.unwrap_or_else(|| PRESET.to_owned()), Vec::new()));
    let now = session.vault.now();
    Ok(Page {
        layout: Layout::new(session, Part::Credentials, "Relay policy").await?,
        credential: path(session, id),
        path: own_path(session, id),
        version: policy.as_ref().map_or(0, |policy| policy.version),
        stored: policy.map(|policy| (policy.version, Moment::new(policy.updated_at, now))),
        text,
        errors,
        may_write: session.may(Permission::CredentialsWrite),
        methods: METHODS,
        test,
    })
}

fn own_path(session: &Session, id: CredentialId) -> String {
    format!("{}/relay-policy", path(session, id))
}
