//! The id of a request.

use std::future::Future;
use std::rc::Rc;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;

/// The header of a request's id, in requests and responses.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Maximum length of an id that is taken from a request, in characters.
const MAX_LENGTH: usize = 128;

/// A request's id, in its extensions: the caller's if it is valid, otherwise a random one.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Rc<str>);

impl RequestId {
    pub(crate) fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(REQUEST_ID);
        match given.and_then(|id| id.to_str().ok()).filter(is_valid) {
            Some(id) => Self(id.into()),
            None => Self(random().into()),
        }
    }
}

// Callers may choose any id, so theirs need not be unpredictable, and costs no call of the system.
fn random() -> String {
    let bytes = fastrand::u128(..).to_ne_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

tokio::task_local! {
    static CURRENT: RequestId;
}

impl RequestId {
    /// Makes this the [current](with_current) request while `request` runs.
    pub(crate) fn scope<F: Future>(self, request: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, request)
    }
}

/// Calls `use_id` with the id of the request that the current task serves, if it serves one.
pub fn with_current<T>(use_id: impl FnOnce(&str) -> T) -> Option<T> {
    CURRENT.try_with(|RequestId(id)| use_id(id)).ok()
}

fn is_valid(id: &&str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:/=+@".contains(c);
    !id.is_empty() && id.len() <= MAX_LENGTH && id.chars().all(allowed)
}
