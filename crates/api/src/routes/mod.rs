//! The routes, one file for each operation.

mod access;
mod control;
mod described;
mod fallback;
mod lifecycle;
mod oauth;
mod pieces;
pub(crate) mod registry;
mod relay;
mod service;
mod slashid;
