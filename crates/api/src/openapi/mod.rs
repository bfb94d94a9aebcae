//! The OpenAPI document. The parameters and responses of an operation are annotations of its
//! handler. These files define shared ones, and put the document together.

pub(crate) mod bodies;
pub(crate) mod components;
pub(crate) mod document;
pub(crate) mod failure;
pub(crate) mod headers;
mod limits;
pub(crate) mod parameters;
pub(crate) mod pieces_responses;
mod plain_text;
pub(crate) mod relay_responses;
pub(crate) mod responses;
pub(crate) mod schemas;
