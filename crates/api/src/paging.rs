//! The sizes of pages.

/// Rows on a page by default.
pub(crate) const DEFAULT_LIMIT: i64 = 100;
/// Maximum number of rows on a page.
pub(crate) const MAX_LIMIT: i64 = 1000;
