//! Where root keys come from. They are read at the start, and by servers every few seconds.

use std::fmt;
use std::path::PathBuf;

use strongroom_domain::keyring::sources::RootKeySources;

use crate::settings::args::VaultArgs;
use crate::settings::error::{ConfigError, ConfigErrors, Found};
use crate::settings::setting::{Key, Setting};
use crate::settings::sources::Sources;
use crate::settings::table::{
    ROOT_KEY, ROOT_KEY_FILE, ROOT_KEY_PASSPHRASE, ROOT_KEY_PASSPHRASE_FILE,
};

#[cfg(feature = "dev")]
use crate::settings::error::Origin;
#[cfg(feature = "dev")]
use std::path::Path;

/// A setting that provides root keys, and its value.
type Place = (&'static Setting<RootKeySources>, Found);

/// The configured places of root keys; there may be several at once.
#[derive(Clone)]
pub(crate) struct RootKeyConfig(Vec<Place>);

impl fmt::Debug for RootKeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|(setting, _)| setting.key());
        f.debug_list().entries(keys).finish()
    }
}

impl RootKeyConfig {
    /// For a command that needs no database.
    pub(crate) fn read(args: &VaultArgs) -> Result<Self, ConfigErrors> {
        Ok(Self::new(&Sources::read(args.given())?)?)
    }

    pub(super) fn new(sources: &Sources) -> Result<Self, ConfigError> {
        let settings = [
            &ROOT_KEY,
            &ROOT_KEY_FILE,
            &ROOT_KEY_PASSPHRASE,
            &ROOT_KEY_PASSPHRASE_FILE,
        ];
        let place = |setting| Some((setting, sources.found(setting)?.clone()));
        let places: Vec<Place> = settings.into_iter().filter_map(place).collect();
        if places.is_empty() {
            // One of them is required, so that this is an error.
            sources.get(&ROOT_KEY_FILE)?;
        }
        Ok(Self(places))
    }

    /// One root key file, and no other place.
    #[cfg(feature = "dev")]
    pub(crate) fn of_file(path: &Path) -> Self {
        let found = Found {
            text: path.to_string_lossy().into_owned(),
            origin: Origin::File(path.to_owned()),
        };
        Self(vec![(&ROOT_KEY_FILE, found)])
    }

    /// The file or folder that is configured to hold root keys.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let mut places = self.0.iter();
        let (_, found) = places.find(|(setting, _)| setting.key() == ROOT_KEY_FILE.key())?;
        Some(PathBuf::from(&found.text))
    }

    /// Reads the present content of every place.
    pub(crate) fn load(&self) -> Result<RootKeySources, ConfigError> {
        let mut sources = RootKeySources::default();
        for place in self.places() {
            sources.extend(place.read?);
        }
        Ok(sources)
    }

    /// What is wrong with the present content of the places.
    pub(crate) fn problems(&self) -> Vec<ConfigError> {
        self.places().filter_map(|place| place.read.err()).collect()
    }

    /// Reads the present content of each place, one after another.
    pub(crate) fn places(&self) -> impl Iterator<Item = RootKeySource> {
        let files = [ROOT_KEY_FILE.key(), ROOT_KEY_PASSPHRASE_FILE.key()];
        self.0.iter().map(move |(setting, found)| RootKeySource {
            setting: setting.key(),
            file: files
                .contains(&setting.key())
                .then(|| PathBuf::from(&found.text)),
            read: setting
                .parse(&found.text)
                .map_err(|problem| found.invalid(setting.row(), problem)),
        })
    }
}

/// A place of root keys.
pub(crate) struct RootKeySource {
    /// The setting that names it.
    pub(crate) setting: Key,
    /// The file or folder, if it is one.
    pub(crate) file: Option<PathBuf>,
    /// Its content.
    pub(crate) read: Result<RootKeySources, ConfigError>,
}
