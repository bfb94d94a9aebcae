use strongroom_storage::{DatabaseSettings, RegionsSettings};
use strongroom_web::settings::HttpSettings;

use super::regions::regions_from;
use super::root_key::RootKeyConfig;
use super::settings::{database_from, http_from, serve_flags, settings_from};
use super::sources::{ConfigError, Sources};
use super::tls::tls_from;
use crate::cli::ServeArgs;
use crate::tls::TlsFiles;

/// What `serve` would be given, as far as it can be read, and all that is wrong with it.
pub(crate) struct Examined {
    pub(crate) problems: Vec<ConfigError>,
    pub(crate) database: Option<DatabaseSettings>,
    pub(crate) root_keys: Option<RootKeyConfig>,
    pub(crate) regions: RegionsSettings,
    pub(crate) http: Option<HttpSettings>,
    pub(crate) tls: Option<TlsFiles>,
}

/// Reads all settings of `serve` and does not stop at the first problem. Those of the root keys' contents are left out.
pub(crate) fn examine(args: &ServeArgs) -> Examined {
    let sources = Sources::read_all(&serve_flags(args), args.vault.connect.config.as_deref());
    let served = settings_from(&sources).err();
    let database = database_from(&sources);
    let root_keys = RootKeyConfig::new(&sources);
    // What is in the root keys' places is told of apart.
    let unread = root_keys.as_ref().ok().and_then(|keys| keys.load().err());
    let found = sources.problems().into_iter();
    let missing = [database.as_ref().err(), root_keys.as_ref().err()];
    let missing = missing.into_iter().flatten().cloned();
    let mut problems: Vec<ConfigError> = Vec::new();
    for problem in found.chain(missing).chain(served) {
        if !problems.contains(&problem) && unread.as_ref() != Some(&problem) {
            problems.push(problem);
        }
    }
    Examined {
        regions: regions_from(&sources).unwrap_or_default(),
        http: http_from(&sources).ok(),
        tls: tls_from(&sources).ok().flatten(),
        database: database.ok(),
        root_keys: root_keys.ok(),
        problems,
    }
}
