//! Backups: all rows that cannot be regenerated, as lines of JSON, sealed as in the database.

pub(crate) mod bytes;
pub mod check;
pub mod comparison;
pub(crate) mod convert;
pub mod credential_record;
pub mod finding;
pub mod key_record;
pub mod line;
pub mod oauth_record;
pub mod record;
pub mod root_record;
pub mod rules;
pub mod seal;
pub mod undo;
