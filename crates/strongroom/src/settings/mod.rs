//! Settings: read once from flags, variables and a file, then checked, then passed on.

mod examine;
mod file;
mod limits;
mod regions;
mod root_key;
mod serve;
mod sources;
mod tls;
mod values;

pub(crate) use examine::{Examined, examine};
pub(crate) use file::check_private;
pub(crate) use root_key::{RootKeyConfig, RootKeySource};
pub(crate) use serve::{
    LogFormat, Logging, ServeSettings, VaultAccess, database, regions, root_keys, serve,
    vault_access,
};
pub(crate) use sources::ConfigError;
