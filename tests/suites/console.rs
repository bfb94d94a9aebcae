//! The console: sessions, and its pages in a browser.

mod administration;
mod browser;
mod clients;
mod credential_forms;
mod credential_pages;
mod credentials;
mod ends;
mod forms;
mod forms_of_all;
mod keys;
mod listeners;
mod names;
mod organization;
mod pictures;
mod reading;
mod search;
mod session_list;
mod sessions;
mod sizes;
mod support;
mod tasks;
mod tenants;
mod trail;
