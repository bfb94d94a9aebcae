//! The entrance.

use actix_web::HttpResponse;

use crate::layout::see_other;
use crate::paths;
use crate::session::Session;

/// Leads to the overview of the organization of the caller's key.
pub(crate) async fn handle(session: Session) -> HttpResponse {
    see_other(&paths::organization(session.caller.home()), None)
}
