//! Errors of a request before a surface renders them.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use strongroom_domain::json::value::JsonError;
use strongroom_domain::{FieldError, VaultError};

/// Most field errors in one response. Without a limit, a small body with many unknown members would
/// get a response that is many times larger.
const MAX_FIELD_ERRORS: usize = 20;

/// An error response without its format, which depends on the surface. All of it reaches the
/// caller: it holds no secret and no cause.
#[derive(Debug)]
pub struct Refusal {
    /// The response's status.
    pub status: StatusCode,
    /// At least one error, unless a list of field errors was empty.
    pub errors: Vec<RefusalError>,
    /// Headers of the response.
    pub headers: Vec<(HeaderName, String)>,
}

/// One error of a [`Refusal`].
#[derive(Debug)]
pub struct RefusalError {
    /// Machine-readable kind.
    pub code: &'static str,
    /// Text for people.
    pub message: String,
    /// The field or header that is wrong, if there is one.
    pub field: Option<String>,
}

impl Refusal {
    /// One error that concerns no field.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let error = RefusalError {
            code,
            message: message.into(),
            field: None,
        };
        Self {
            status,
            errors: vec![error],
            headers: Vec::new(),
        }
    }

    /// 400 with one error for each of the first 20 field errors, and an error `more_errors` with
    /// the number of the others.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let others = fields.len().saturating_sub(MAX_FIELD_ERRORS);
        let shown = fields.into_iter().take(MAX_FIELD_ERRORS);
        let mut errors: Vec<_> = shown.map(RefusalError::of_field).collect();
        if others > 0 {
            errors.push(RefusalError {
                code: "more_errors",
                message: format!("the request has {others} more errors"),
                field: None,
            });
        }
        Self {
            status: StatusCode::BAD_REQUEST,
            errors,
            headers: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// The code of the first error.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.errors.first().map(|error| error.code)
    }
}

impl RefusalError {
    fn of_field(error: FieldError) -> Self {
        Self {
            code: error.code,
            message: format!("{} {}", error.field, error.message),
            field: Some(error.field),
        }
    }
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, error.code, error.message);
        if !error.field.is_empty() {
            refusal.errors[0].field = Some(error.field);
        }
        refusal
    }
}

/// Why a request failed.
#[derive(Debug)]
pub enum RequestError {
    /// The server refused it.
    Refused(Refusal),
    /// The vault returned an error, whose status and texts depend on the surface.
    Vault(VaultError),
}

impl From<Refusal> for RequestError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<VaultError> for RequestError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}
