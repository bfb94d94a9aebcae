//! The settings of `serve` for `strongroom doctor`, which continues after a problem.

use strongroom_storage::{DatabaseSettings, RegionsSettings};
use strongroom_web::settings::HttpSettings;

use crate::settings::access::database;
use crate::settings::args::ServeArgs;
use crate::settings::error::{ConfigError, distinct};
use crate::settings::regions::{regions, regions_without_local};
use crate::settings::root_key::RootKeyConfig;
use crate::settings::serve::{http, problems};
use crate::settings::sources::Sources;
use crate::settings::tls::tls;
use crate::tls::TlsFiles;

/// The settings of `serve` that can be read, and all problems.
pub(crate) struct Examined {
    pub(crate) problems: Vec<ConfigError>,
    pub(crate) database: Option<DatabaseSettings>,
    pub(crate) root_keys: Option<RootKeyConfig>,
    pub(crate) regions: RegionsSettings,
    pub(crate) http: Option<HttpSettings>,
    pub(crate) tls: Option<TlsFiles>,
}

impl Examined {
    /// Reads every setting in the table, and then what they are together. Problems with the
    /// content of root keys' places are left out: they have findings of their own.
    pub(crate) fn read(args: &ServeArgs) -> Self {
        let (mut sources, mut found) = Sources::read_all(args.given());
        found.extend(problems(&mut sources));
        let regions = regions(&sources).or_else(|_| regions_without_local(&sources));
        Self {
            regions: regions.unwrap_or_default(),
            http: http(&sources).ok(),
            tls: tls(&sources).ok().flatten(),
            database: database(&sources).ok(),
            root_keys: RootKeyConfig::new(&sources).ok(),
            problems: distinct(found),
        }
    }
}
