//! What an organization sets itself, and the rotations of its key.

pub(crate) mod form;
pub(crate) mod rotation;
