//! The pages, one file for each.

pub(crate) mod audit;
pub(crate) mod clients;
pub(crate) mod credentials;
pub(crate) mod home;
pub(crate) mod keys;
pub(crate) mod overview;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod system;
pub(crate) mod tenants;
