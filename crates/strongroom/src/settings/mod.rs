//! Settings: declared in one [`table`], read once from flags, variables and a file, and passed on
//! as typed values.

pub(crate) mod access;
pub(crate) mod args;
pub(crate) mod console;
#[cfg(test)]
mod documentation;
pub(crate) mod egress;
pub(crate) mod error;
pub(crate) mod examine;
mod file;
mod key_material;
mod limits;
pub(crate) mod profile;
mod rates;
pub(crate) mod regions;
pub(crate) mod root_key;
pub(crate) mod serve;
mod setting;
mod similar;
mod sources;
mod table;
mod tls;
mod values;
mod variables;
