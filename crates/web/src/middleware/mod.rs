//! The middleware of every request.

pub(crate) mod guard;
pub(crate) mod observe;
mod trace;
mod tracked_body;
