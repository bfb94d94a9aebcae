//! Error pages.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use strongroom_domain::VaultError;
use strongroom_web::refusal::{Refusal, RequestError};
use strongroom_web::with_request_id;

use crate::error_text::{public, sentence};
use crate::headers::protect;

/// An error page. All of it reaches the caller; causes go to the log.
#[derive(Debug)]
pub(crate) struct PageError {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, String)>,
    is_https: bool,
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
            is_https: false,
        }
    }

    /// A refusal of a request that reaches no page, over HTTPS or not.
    pub(crate) fn refused(refusal: Refusal, is_https: bool) -> Self {
        Self {
            is_https,
            ..Self::from(refusal)
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

    /// 405 with the methods that are `allowed`.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let message = "This page does not accept this kind of request.";
        let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        Self {
            headers: vec![(ALLOW, allowed.to_owned())],
            ..Self::new(status, code, message)
        }
    }

    /// 429 for a verification of a trail while others run.
    pub(crate) fn too_many_verifications() -> Self {
        let message = "Another verification is running: at most one for the keys of each \
                       organization, and few on each server. Repeat this when it has ended.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_verifications", message)
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
        protect(response.headers_mut(), self.is_https);
        response
    }
}
