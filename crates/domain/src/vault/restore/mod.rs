//! Restoring a backup in two passes: the first compares, the second writes.

pub(crate) mod compare;
pub(crate) mod error;
pub(crate) mod opened;
pub(crate) mod organization;
pub(crate) mod pass;
pub(crate) mod target;
pub(crate) mod undo;
