//! Use of a credential without a reveal: what is sent where, and what of the answer is hidden.

pub mod encodings;
pub mod scrubber;
