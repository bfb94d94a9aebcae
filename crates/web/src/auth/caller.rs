//! The caller of a request.

use actix_web::{HttpMessage, HttpRequest};
use strongroom_domain::OrgId;
use strongroom_domain::caller::RequestInfo;

use crate::client_ip;
use crate::request_id::RequestId;

/// The organization of the caller's key, in the request's extensions once the key was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerOrg(pub(crate) OrgId);

/// The request's id and the client's address, for the audit trail.
pub fn request_info(request: &HttpRequest) -> RequestInfo {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>().map(|id| &*id.0);
    RequestInfo {
        id: id.unwrap_or_default().to_owned(),
        source: client_ip::address(request)
            .map(|address| address.to_string())
            .unwrap_or_default(),
    }
}
