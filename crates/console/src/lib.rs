//! The console: pages for a browser, rendered on the server. It calls the operations of the vault
//! like the API, under the permissions of the key with which a session began.
#![warn(clippy::large_futures)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod actors;
mod app;
mod assets;
mod chart;
mod checkboxes;
mod checks;
mod cookie;
mod error;
mod error_text;
mod event_words;
mod flash;
mod form_errors;
mod form_once;
mod headers;
mod layout;
mod listing;
mod origin;
mod pages;
mod paths;
mod posted;
mod regions;
mod session;
mod shown_once;
mod sign_in_path;
mod times;
mod verifications;
mod words;

pub use app::{Listener, surface};
