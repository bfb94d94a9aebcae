use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage};

use crate::error::ApiError;
use crate::limits::Standing;
use crate::routes::{PIECES, PlainError};
use crate::server::{Traffic, UnderWay};
use crate::state::AppState;

/// How large a request may be.
#[derive(Debug, Clone, Copy)]
pub struct RequestSizes {
    /// Most bytes of the URL's path and query.
    pub url: usize,
    /// Most header fields.
    pub headers: usize,
    /// Most bytes of all header fields together: names, values, and 4 for each.
    pub header_bytes: usize,
    /// Most bytes of the body.
    pub body: usize,
}

impl Default for RequestSizes {
    fn default() -> Self {
        Self {
            url: 8 * 1024,
            headers: 64,
            header_bytes: 16 * 1024,
            body: 64 * 1024,
        }
    }
}

impl RequestSizes {
    fn check(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        let url = request.uri().path_and_query();
        if url.is_some_and(|url| url.as_str().len() > self.url) {
            return Err(url_too_long(self.url));
        }
        let (mut count, mut bytes) = (0, 0);
        for (name, value) in request.headers() {
            count += 1;
            bytes += name.as_str().len() + value.len() + 4;
        }
        if count > self.headers || bytes > self.header_bytes {
            return Err(headers_too_large(self));
        }
        Ok(())
    }
}

/// 414.
pub(crate) fn url_too_long(most: usize) -> ApiError {
    let message = format!("the URL's path and query must have at most {most} bytes");
    ApiError::new(StatusCode::URI_TOO_LONG, "url_too_long", message)
}

/// 431.
pub(crate) fn headers_too_large(most: &RequestSizes) -> ApiError {
    let (count, bytes) = (most.headers, most.header_bytes);
    let message = format!(
        "the request must have at most {count} header fields, and these at most {bytes} bytes together"
    );
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    ApiError::new(status, "headers_too_large", message)
}

/// An answer's body. As long as it is there, the connection knows that an answer is on its way.
pub(crate) struct OnItsWay {
    body: BoxBody,
    _under_way: Option<UnderWay>,
}

impl MessageBody for OnItsWay {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Lets no request in that is larger than it may be, tells its connection that it is under way, and tells its sender
/// how much it may still ask.
pub(crate) async fn guard(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<OnItsWay>, Error> {
    let under_way = request.conn_data::<Rc<Traffic>>().map(Traffic::begin);
    let state = request.app_data::<Data<AppState>>().cloned();
    let fits = state
        .as_ref()
        .map(|state| state.settings.sizes.check(&request));
    let mut response = match fits {
        Some(Err(error)) if request.path().starts_with(PIECES) => {
            request.error_response(PlainError::from(error))
        }
        Some(Err(error)) => request.error_response(error),
        _ => next.call(request).await?,
    };
    let standing = response.request().extensions().get::<Standing>().copied();
    if let (Some(state), Some(standing)) = (state, standing) {
        let headers = response.headers_mut();
        state.limits.requests.describe(standing, headers);
    }
    Ok(response.map_body(|_, body| OnItsWay {
        body,
        _under_way: under_way,
    }))
}
