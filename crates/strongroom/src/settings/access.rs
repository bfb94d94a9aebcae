//! What commands need to connect to the database and to open the vault.

use std::path::{Path, PathBuf};

use strongroom_storage::{DatabaseSettings, DatabaseUrl};

use crate::settings::args::{DatabaseArgs, VaultArgs};
use crate::settings::error::{ConfigError, ConfigErrors, Origin};
use crate::settings::root_key::RootKeyConfig;
use crate::settings::sources::Sources;
use crate::settings::table::{
    CONNECT_TIMEOUT, DATABASE_URL, DATABASE_URL_FILE, POOL_SIZE, STATEMENT_TIMEOUT,
};

/// The database and the root keys.
#[derive(Debug)]
pub(crate) struct VaultAccess {
    pub(crate) database: DatabaseSettings,
    /// The file that the database's URL came from.
    pub(crate) url_file: Option<PathBuf>,
    pub(crate) root_keys: RootKeyConfig,
}

impl VaultAccess {
    /// For a command that opens the vault.
    pub(crate) fn read(args: &VaultArgs) -> Result<Self, ConfigErrors> {
        Ok(Self::new(&Sources::read(args.given())?)?)
    }

    pub(super) fn new(sources: &Sources) -> Result<Self, ConfigError> {
        let access = Self {
            database: database(sources)?,
            url_file: sources.get(&DATABASE_URL_FILE)?,
            root_keys: RootKeyConfig::new(sources)?,
        };
        // A file that cannot be read is an error at once, and not when the database answers.
        access.root_keys.load()?;
        Ok(access)
    }
}

/// Whether a flag, a variable or the file names a database.
pub(crate) fn is_configured(args: &VaultArgs) -> Result<bool, ConfigErrors> {
    let sources = Sources::read(args.given())?;
    let found = [
        sources.found(&DATABASE_URL),
        sources.found(&DATABASE_URL_FILE),
    ];
    Ok(found.iter().any(Option::is_some))
}

/// For a command that only uses the database.
pub(crate) fn read_database(args: &DatabaseArgs) -> Result<DatabaseSettings, ConfigErrors> {
    Ok(database(&Sources::read(args.given())?)?)
}

/// Another database, with the defaults.
#[cfg(feature = "dev")]
pub(crate) fn default_database(url: DatabaseUrl) -> Result<DatabaseSettings, ConfigError> {
    with_url(&Sources::default(), url)
}

pub(super) fn database(sources: &Sources) -> Result<DatabaseSettings, ConfigError> {
    with_url(sources, database_url(sources)?)
}

fn with_url(sources: &Sources, url: DatabaseUrl) -> Result<DatabaseSettings, ConfigError> {
    Ok(DatabaseSettings {
        url,
        pool_size: sources.get(&POOL_SIZE)?,
        connect_timeout: sources.get(&CONNECT_TIMEOUT)?,
        statement_timeout: sources.get(&STATEMENT_TIMEOUT)?,
    })
}

fn database_url(sources: &Sources) -> Result<DatabaseUrl, ConfigError> {
    let Some(file) = sources.found(&DATABASE_URL_FILE) else {
        return sources.get(&DATABASE_URL);
    };
    let invalid = |problem: String| file.invalid(DATABASE_URL_FILE.row(), problem);
    let given = sources.found(&DATABASE_URL);
    if given.is_some_and(|given| !matches!(given.origin, Origin::Fallback(_))) {
        return Err(invalid(
            "database_url is set as well; set one of the two".into(),
        ));
    }
    read_url_file(Path::new(&file.text)).map_err(invalid)
}

/// The URL in `file`; the error does not quote it.
pub(crate) fn read_url_file(file: &Path) -> Result<DatabaseUrl, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    DATABASE_URL.parse(&text)
}
