//! Bodies that are passed on as they arrive.

use std::rc::Rc;

use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, rt, web};
use futures_util::{StreamExt, stream};
use strongroom_domain::egress::{BodyError, RequestBody};
use tokio::sync::mpsc;

use crate::connection_state::ConnectionState;

/// Parts of a body that wait to be passed on.
const WAITING: usize = 2;

/// The number of bytes of the request's body, if that was announced.
#[must_use]
pub fn announced(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The request's body, which may have at most `most` bytes. It is read only as fast as it is passed
/// on.
pub fn stream(request: &HttpRequest, payload: web::Payload, most: u64) -> RequestBody {
    let length = announced(request);
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    if !is_chunked && length.is_none_or(|length| length == 0) {
        return RequestBody::None;
    }
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let connection = request.conn_data::<Rc<ConnectionState>>().cloned();
    rt::spawn(async move {
        if let Some(connection) = &connection {
            connection.set_reading_body(true);
        }
        tokio::select! {
            () = pass_on(payload, most, &sender) => {}
            () = sender.closed() => {}
        }
        if let Some(connection) = &connection {
            connection.set_reading_body(false);
        }
    });
    let parts = stream::poll_fn(move |context| receiver.poll_recv(context));
    RequestBody::Stream(Box::pin(parts), length.filter(|_| !is_chunked))
}

async fn pass_on(
    mut payload: web::Payload,
    most: u64,
    sender: &mpsc::Sender<Result<Bytes, BodyError>>,
) {
    let mut left = most;
    while let Some(part) = payload.next().await {
        let part = match part {
            Ok(part) if part.len() as u64 <= left => Ok(part),
            Ok(_) => Err(BodyError::TooLarge),
            Err(_) => Err(BodyError::Incomplete),
        };
        left -= part.as_ref().map_or(0, |part| part.len() as u64);
        let ended = part.is_err();
        if sender.send(part).await.is_err() || ended {
            return;
        }
    }
}
