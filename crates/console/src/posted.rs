//! Forms that a page of the session sent.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use strongroom_web::body::{Body, read_form};
use strongroom_web::form::Form;
use strongroom_web::state::AppState;

use crate::error::PageError;
use crate::origin;
use crate::session::{self, NoSession, Session};

/// The field of the token in a form.
const FIELD: &[u8] = b"csrf_token";
/// The header of the token in a request of the script.
const HEADER: &str = "x-csrf-token";

/// A form that a page of the caller's session sent.
pub(crate) struct Posted {
    pub(crate) session: Session,
    body: Body,
}

impl Posted {
    /// The fields of the form.
    pub(crate) fn form(&self) -> Form<'_> {
        Form::parse(&self.body)
    }
}

impl FromRequest for Posted {
    type Error = NoSession;
    type Future = LocalBoxFuture<'static, Result<Self, NoSession>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (
            request.clone(),
            web::Payload::from_request(request, payload),
        );
        Box::pin(async move {
            origin::check(&request)?;
            let state = AppState::of(&request)?;
            let session = session::of(&request).await?;
            let payload = payload.await.map_err(|error| PageError::defect(&error))?;
            let body = read_form(&request, payload, &state).await;
            let body = body.map_err(PageError::from)?;
            check_token(&request, &session, &body)?;
            Ok(Self { session, body })
        })
    }
}

// A token needs no decoding, so that the other fields, which may be secret, are not decoded here.
fn token_of(body: &[u8]) -> Option<&str> {
    let mut fields = body.split(|byte| *byte == b'&');
    let token = fields.find_map(|field| field.strip_prefix(FIELD)?.strip_prefix(b"="));
    str::from_utf8(token?).ok()
}

fn check_token(request: &HttpRequest, session: &Session, body: &Body) -> Result<(), PageError> {
    let header = request.headers().get(HEADER);
    let header = header.and_then(|token| token.to_str().ok());
    let token = header.or_else(|| token_of(body)).unwrap_or_default();
    match session.is_form_token(token) {
        true => Ok(()),
        false => Err(PageError::stale_form()),
    }
}
