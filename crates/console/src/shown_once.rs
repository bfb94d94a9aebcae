//! The page with a secret that is shown once.

use actix_web::web::Bytes;
use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use zeroize::Zeroizing;

use crate::error::PageError;
use crate::layout::Layout;

/// Space for a page besides its secret.
const SPACE: usize = 64 << 10;
/// The most bytes as which HTML has one of a text.
const ESCAPED: usize = 6;

/// The page with a secret that is shown once.
#[derive(Template)]
#[template(path = "shown_once.html")]
pub(crate) struct ShownOnce<'a> {
    pub(crate) layout: Layout,
    /// What the secret is, such as `API key`.
    pub(crate) kind: &'static str,
    pub(crate) secret: &'a str,
    /// What belongs to it, such as its name.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What did not work.
    pub(crate) warning: Option<String>,
    /// The path of the page to go to from here.
    pub(crate) back: String,
}

impl ShownOnce<'_> {
    /// Answers the page, whose bytes are wiped afterwards.
    ///
    /// # Errors
    /// If the page cannot be rendered, which is a defect.
    pub(crate) fn answer(&self) -> Result<HttpResponse, PageError> {
        wiped(self, self.secret.len())
    }
}

/// Answers a page with a secret of `length` bytes. The bytes of the page are wiped afterwards.
///
/// # Errors
/// If the page cannot be rendered, which is a defect.
pub(crate) fn wiped(page: &impl Template, length: usize) -> Result<HttpResponse, PageError> {
    // Growing would leave copies of the secret in freed memory.
    let space = SPACE + ESCAPED * length;
    let mut body = Zeroizing::new(Vec::with_capacity(space));
    let rendered = Template::write_into(page, &mut *body);
    rendered.map_err(|error| PageError::defect(&error))?;
    let mut response = HttpResponse::build(StatusCode::OK);
    response.content_type("text/html; charset=utf-8");
    Ok(response.body(Bytes::from_owner(body)))
}
