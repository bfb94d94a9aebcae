use serde::Serialize;

use crate::error::ErrorBody;

/// The one shape of every JSON answer.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a, T> {
    meta: Meta,
    errors: &'a [ErrorBody],
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor_pagination: Option<CursorPagination>,
}

/// Where in a list an answer stands, for callers that page by offset.
#[derive(Debug, Serialize)]
pub(crate) struct Pagination {
    pub(crate) limit: i64,
    pub(crate) offset: i64,
    pub(crate) total_count: i64,
}

/// Where in a list an answer stands, for callers that page by cursor.
#[derive(Debug, Serialize)]
pub(crate) struct CursorPagination {
    pub(crate) limit: i64,
    /// Where the next page starts; empty on the last one.
    pub(crate) cursor: String,
}

impl<'a, T: Serialize> Envelope<'a, T> {
    pub(crate) fn success(result: T) -> Self {
        Self {
            meta: Meta::default(),
            errors: &[],
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
    pub(crate) fn failure(errors: &'a [ErrorBody]) -> Self {
        Self {
            meta: Meta::default(),
            errors,
            result: None,
        }
    }
}
