//! Credentials: the list, one of them, its secret, forms, and its relay policy.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod detail;
mod detail_rows;
mod fields;
pub(crate) mod list;
pub(crate) mod policy_delete;
pub(crate) mod relay_policy;
pub(crate) mod reveal;
pub(crate) mod versions;

use strongroom_domain::CredentialId;
use strongroom_domain::credential::CredentialInfo;
use strongroom_domain::entity_tag::Condition;
use strongroom_domain::expiry::ExpirySource;
use strongroom_web::form::Form;

use crate::error::PageError;
use crate::session::Session;
use crate::times::Moment;

/// The field with the entity tag of the version that a form is about.
const ETAG: &str = "etag";

/// A credential as pages show it.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) provider: &'static str,
    pub(super) kind: &'static str,
    pub(super) value_version: i64,
    pub(super) created: Option<Moment>,
    pub(super) updated: Moment,
    pub(super) last_used: Option<Moment>,
    pub(super) expires: Option<Moment>,
    pub(super) is_expired: bool,
    /// What says when it expires.
    pub(super) expires_source: &'static str,
    pub(super) recover_until: Option<Moment>,
    pub(super) etag: String,
    /// Its path.
    pub(super) path: String,
}

impl Shown {
    pub(super) fn of(info: &CredentialInfo, session: &Session) -> Self {
        let now = session.vault.now();
        let moment = |at| Moment::new(at, now);
        let label = info.label.as_str();
        Self {
            id: info.id.to_string(),
            label: match label.is_empty() {
                true => "(no label)".to_owned(),
                false => label.to_owned(),
            },
            provider: info.provider.as_str(),
            kind: info.kind.as_str(),
            value_version: info.value_version,
            created: info.id.created_at().map(moment),
            updated: moment(info.updated_at),
            last_used: info.last_used.as_ref().map(|last| moment(last.at)),
            expires: info.expiry.map(|expiry| moment(expiry.at)),
            is_expired: info.expiry.is_some_and(|expiry| expiry.is_past(now)),
            expires_source: info.expiry.map_or("", |expiry| match expiry.source {
                ExpirySource::Caller => "set by hand",
                _ => "from the secret",
            }),
            recover_until: info.deletion.map(|deletion| moment(deletion.recover_until)),
            etag: info.etag.map(|etag| etag.to_string()).unwrap_or_default(),
            path: path(session, info.id),
        }
    }
}

/// The path of the credential `id`.
pub(super) fn path(session: &Session, id: CredentialId) -> String {
    format!("{}/{id}", crate::paths::credentials(session.caller.org()))
}

/// The credential in the path of the request.
///
/// # Errors
/// 404 if it is no id.
pub(super) fn id(session: &Session) -> Result<CredentialId, PageError> {
    let text = session.request.match_info().get("cred_id");
    let id = text.and_then(CredentialId::parse);
    id.ok_or_else(PageError::unknown_path)
}

/// The version that the form is about.
///
/// # Errors
/// 400 if the form does not say it.
pub(super) fn if_match(form: &mut Form<'_>) -> Result<Condition, PageError> {
    let tag = form.take(ETAG)?;
    let condition = tag.and_then(|tag| Condition::parse(&tag, false));
    condition.ok_or_else(PageError::incomplete_form)
}
