//! What all pages of a session share.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use askama::Template;
use chrono::{DateTime, Utc};
use strongroom_domain::permission::Permission;

use crate::cookie;
use crate::error::PageError;
use crate::flash::Flash;
use crate::paths;
use crate::session::Session;

/// What all pages of a session share.
pub(crate) struct Layout {
    /// The title of the page.
    pub(crate) title: String,
    /// The organization in which the caller acts.
    pub(crate) organization: String,
    pub(crate) created_at: DateTime<Utc>,
    /// Its path.
    pub(crate) path: String,
    /// Whether it is that of the caller's key.
    pub(crate) is_home: bool,
    /// The path of the organization of the caller's key.
    pub(crate) home_path: String,
    pub(crate) navigation: Vec<Link>,
    pub(crate) form_token: String,
    pub(crate) flash: Option<Flash>,
}

/// An entry of the navigation.
pub(crate) struct Link {
    pub(crate) text: &'static str,
    pub(crate) path: String,
    pub(crate) is_current: bool,
}

/// The parts of the console, in the order of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Overview,
    Credentials,
    Keys,
    Clients,
    Sessions,
    Tenants,
    Audit,
    Settings,
    System,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::Overview,
        Self::Credentials,
        Self::Keys,
        Self::Clients,
        Self::Sessions,
        Self::Tenants,
        Self::Audit,
        Self::Settings,
        Self::System,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Credentials => "Credentials",
            Self::Keys => "Keys",
            Self::Clients => "Clients",
            Self::Sessions => "Sessions",
            Self::Tenants => "Tenants",
            Self::Audit => "Audit",
            Self::Settings => "Settings",
            Self::System => "System",
        }
    }

    /// Below the path of the organization.
    fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Credentials => "/credentials",
            Self::Keys => "/keys",
            Self::Clients => "/clients",
            Self::Sessions => "/sessions",
            Self::Tenants => "/tenants",
            Self::Audit => "/audit",
            Self::Settings => "/settings",
            Self::System => "/system",
        }
    }

    /// Whether it is shown to the caller of `session`.
    fn is_for(self, session: &Session) -> bool {
        let caller = &session.caller;
        // A key sees its own sessions, which belong to its organization.
        let is_own = self == Self::Sessions && caller.org() == caller.home();
        is_own || self.permission().is_none_or(|needed| session.may(needed))
    }

    /// What it needs.
    fn permission(self) -> Option<Permission> {
        match self {
            Self::Overview => None,
            Self::Credentials => Some(Permission::CredentialsList),
            Self::Keys | Self::Clients | Self::Sessions => Some(Permission::KeysManage),
            Self::Tenants => Some(Permission::OrganizationsManage),
            Self::Audit => Some(Permission::AuditRead),
            Self::Settings => Some(Permission::OrganizationsManage),
            Self::System => Some(Permission::SystemRead),
        }
    }
}

impl Layout {
    /// The frame of a page with this title, which belongs to `part`.
    ///
    /// # Errors
    /// Those of a read of the organization.
    pub(crate) async fn new(
        session: &Session,
        part: Part,
        title: impl Into<String>,
    ) -> Result<Self, PageError> {
        let caller = &session.caller;
        let organization = session.vault.organization(caller);
        let organization = session.state.with_deadline(organization).await?;
        let path = paths::organization(caller.org());
        let is_shown = |part: &Part| part.is_for(session);
        let link = |shown: Part| Link {
            text: shown.text(),
            path: format!("{path}{}", shown.path()),
            is_current: shown == part,
        };
        let navigation = Part::ALL.into_iter().filter(is_shown).map(link).collect();
        Ok(Self {
            title: title.into(),
            organization: organization.name,
            created_at: organization.created_at,
            is_home: caller.org() == caller.home(),
            home_path: paths::organization(caller.home()),
            navigation,
            form_token: session.form_token(),
            flash: Flash::of(&session.request),
            path,
        })
    }
}

/// Answers a page.
///
/// # Errors
/// If the page cannot be rendered, which is a defect.
pub(crate) fn answer(page: &impl Template, session: &Session) -> Result<HttpResponse, PageError> {
    let mut response = html(page, StatusCode::OK)?;
    if cookie::flash(&session.request).is_some() {
        cookie::set_flash(&session.request, response.headers_mut(), None);
    }
    Ok(response)
}

/// Answers a page with this status.
///
/// # Errors
/// If the page cannot be rendered, which is a defect.
pub(crate) fn html(page: &impl Template, status: StatusCode) -> Result<HttpResponse, PageError> {
    let text = page.render().map_err(|error| PageError::defect(&error))?;
    let mut response = HttpResponse::build(status);
    Ok(response.content_type("text/html; charset=utf-8").body(text))
}

/// After a form: leads to the page at `path`, which says what happened.
pub(crate) fn see_other(path: &str, flash: Option<Flash>) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    let mut response = response.insert_header((LOCATION, path)).finish();
    if let Some(flash) = flash {
        // The cookie is set where the request is at hand.
        response.extensions_mut().insert(flash);
    }
    response
}
