//! The format of every JSON response.

use serde::Serialize;
use strongroom_domain::CredentialId;

/// The envelope of a result or of errors.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a, T> {
    meta: Meta,
    errors: Vec<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
}

/// One entry of `errors`.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) httpcode: u16,
    pub(crate) message: &'a str,
    pub(crate) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) regions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<&'a [CredentialId]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) readers: Option<&'a [String]>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor_pagination: Option<CursorPagination>,
}

/// The position of a page, for callers that page by offset.
#[derive(Debug, Serialize)]
pub(crate) struct Pagination {
    pub(crate) limit: i64,
    pub(crate) offset: i64,
    pub(crate) total_count: i64,
}

/// The position of a page, for callers that page by cursor.
#[derive(Debug, Serialize)]
pub(crate) struct CursorPagination {
    pub(crate) limit: i64,
    /// The position of the next page; empty on the last one.
    pub(crate) cursor: String,
}

impl<T: Serialize> Envelope<'_, T> {
    pub(crate) fn success(result: T) -> Self {
        Self {
            meta: Meta::default(),
            errors: Vec::new(),
            result: Some(result),
        }
    }

    pub(crate) fn page(result: T, pagination: Pagination) -> Self {
        let mut envelope = Self::success(result);
        envelope.meta.pagination = Some(pagination);
        envelope
    }

    pub(crate) fn cursor_page(result: T, pagination: CursorPagination) -> Self {
        let mut envelope = Self::success(result);
        envelope.meta.cursor_pagination = Some(pagination);
        envelope
    }
}

impl<'a> Envelope<'a, ()> {
    pub(crate) fn failure(errors: Vec<ErrorBody<'a>>) -> Self {
        Self {
            meta: Meta::default(),
            errors,
            result: None,
        }
    }
}
