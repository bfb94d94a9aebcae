//! Error pages.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use strongroom_domain::VaultError;
use strongroom_web::refusal::{Refusal, RequestError};
use strongroom_web::with_request_id;

use crate::headers::protect;

/// An error page. All of it reaches the caller; causes go to the log.
#[derive(Debug)]
pub(crate) struct PageError {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, String)>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
    request_id: String,
}

impl PageError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// 404 for an unknown path, and for an organization that the caller cannot see.
    pub(crate) fn unknown_path() -> Self {
        let message = "There is no such page, or your key does not reach it.";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 400 for a filter that no form of the console makes.
    pub(crate) fn invalid_filter() -> Self {
        let message = "The address has a filter that is not valid. Open the list without it.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_filter", message)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "This page does not accept this kind of request.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    /// 403 for a form that no page of this host sent.
    pub(crate) fn foreign_form() -> Self {
        let message = "The form was not sent by a page of this console. Nothing was changed.";
        Self::new(StatusCode::FORBIDDEN, "foreign_form", message)
    }

    /// 403 for a form of another session.
    pub(crate) fn stale_form() -> Self {
        let message = "The form belongs to another session. Nothing was changed. Open the page \
                       again, and repeat what you did.";
        Self::new(StatusCode::FORBIDDEN, "stale_form", message)
    }

    /// 400 for a form without a field that the page gave it.
    pub(crate) fn incomplete_form() -> Self {
        let message = "The form is not complete. Nothing was changed. Open the page again.";
        Self::new(StatusCode::BAD_REQUEST, "incomplete_form", message)
    }

    /// 500 for a defect, whose cause is logged.
    pub(crate) fn defect(cause: &dyn fmt::Display) -> Self {
        VaultError::Internal(cause.to_string()).into()
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The code, for the log.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::TOO_MANY_REQUESTS => "Too many requests",
            status if status.is_server_error() => "Not available",
            _ => "This did not work",
        }
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        let messages = refusal.errors.iter().map(|error| sentence(&error.message));
        let messages: Vec<_> = messages.collect();
        let code = refusal.code().unwrap_or("refused");
        Self {
            headers: refusal.headers,
            ..Self::new(refusal.status, code, messages.join(" "))
        }
    }
}

impl From<VaultError> for PageError {
    fn from(error: VaultError) -> Self {
        let (status, code, message) = public(&error);
        Self::new(status, code, message)
    }
}

impl From<RequestError> for PageError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(refusal) => refusal.into(),
            RequestError::Vault(error) => error.into(),
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}", self.status.as_u16())
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let page = ErrorPage {
            title: self.title(),
            message: &self.message,
            request_id: with_request_id(str::to_owned).unwrap_or_default(),
        };
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "1"));
        }
        response.content_type("text/html; charset=utf-8");
        let mut response = response.body(page.render().unwrap_or_default());
        protect(response.headers_mut(), false);
        response
    }
}

/// The status, the code and the text of an error of the vault. Its cause is logged here.
fn public(error: &VaultError) -> (StatusCode, &'static str, String) {
    match error {
        VaultError::Forbidden(denial) => {
            let message = sentence(&denial.to_string());
            (StatusCode::FORBIDDEN, "forbidden", message)
        }
        VaultError::Relay(error) => {
            let message = sentence(&error.to_string());
            (StatusCode::UNPROCESSABLE_ENTITY, error.code(), message)
        }
        VaultError::Conflict(conflict) => {
            let message = sentence(conflict.message());
            (StatusCode::CONFLICT, conflict.code(), message)
        }
        VaultError::Invalid(errors) => {
            let errors = errors.iter();
            let errors = errors.map(|error| format!("{} {}", error.field, error.message));
            let message = sentence(&errors.collect::<Vec<_>>().join("; "));
            (StatusCode::BAD_REQUEST, "invalid", message)
        }
        other => {
            let (status, code, message) = fixed(other);
            (status, code, message.to_owned())
        }
    }
}

fn fixed(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VaultError::StillRead(_) => (
            StatusCode::CONFLICT,
            "still_read",
            "Readers have not read the current value yet. Nothing was destroyed.",
        ),
        VaultError::AmbiguousLabel(_) => (
            StatusCode::CONFLICT,
            "ambiguous_label",
            "Several credentials have this label.",
        ),
        VaultError::Unauthorized | VaultError::KeyRefused(_) => (
            StatusCode::FORBIDDEN,
            "unauthorized",
            "Your session has ended. Please sign in again.",
        ),
        VaultError::NotFound | VaultError::NoSuchVersion | VaultError::NoRelayPolicy => (
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing here, or your key does not reach it.",
        ),
        VaultError::PreconditionFailed | VaultError::ReusedIdempotencyKey => (
            StatusCode::CONFLICT,
            "precondition_failed",
            "It was changed since you opened the page. Nothing was changed now. Open the page \
             again to see the present state.",
        ),
        VaultError::Integrity(cause) => {
            tracing::debug!(cause, "integrity check failed");
            let message = "The stored data failed its integrity check and was not opened. Please \
                           tell the operator.";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "integrity_failure",
                message,
            )
        }
        other => unavailable(other),
    }
}

fn unavailable(error: &VaultError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VaultError::OutcomeUnknown(why) => {
            tracing::debug!(cause = %why, "outcome unknown");
            let message = "The database did not answer in time. The change may or may not have \
                           been made: look before you repeat it.";
            (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", message)
        }
        VaultError::ReplicationTimeout { .. } => {
            let message = "The change is made, but a region does not show it yet. It will appear \
                           there: do not repeat it.";
            (StatusCode::REQUEST_TIMEOUT, "replication_timeout", message)
        }
        VaultError::Internal(why) => {
            tracing::error!(cause = %why, "internal error");
            let message = "This is a defect. The log has more under the number of this request.";
            (StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
        }
        other => {
            tracing::debug!(cause = %other, "not available");
            let message = "The service cannot answer now. Nothing was changed. Please try again.";
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

/// `text` with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), chars.as_str())
}
