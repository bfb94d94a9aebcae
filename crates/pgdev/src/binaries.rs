//! The location of PostgreSQL's server programs.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf, absolute};
use std::{env, fs};

use crate::error::PgError;

const REQUIRED_PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// A folder with PostgreSQL's server programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// Finds the programs: in the folder of the environment variable `STRONGROOM_PG_BIN` if it is
    /// set, else in the newest `/usr/lib/postgresql/*/bin`, else in the first folder of `PATH` that
    /// has them.
    ///
    /// # Errors
    /// [`PgError::BadBinaries`] if `STRONGROOM_PG_BIN` is set to a folder without `initdb` or
    /// `postgres`. [`PgError::NotInstalled`] if no folder is found.
    pub fn find() -> Result<Self, PgError> {
        let chosen = env::var_os("STRONGROOM_PG_BIN");
        Self::find_in(
            chosen,
            Path::new("/usr/lib/postgresql"),
            env::var_os("PATH"),
        )
    }

    fn find_in(
        chosen: Option<OsString>,
        versions: &Path,
        path: Option<OsString>,
    ) -> Result<Self, PgError> {
        if let Some(value) = chosen.filter(|value| !value.is_empty()) {
            return Self::chosen(PathBuf::from(value));
        }
        newest(versions)
            .or_else(|| env::split_paths(&path?).find(|dir| missing(dir).is_none()))
            .ok_or(PgError::NotInstalled)
            .and_then(Self::at)
    }

    fn chosen(value: PathBuf) -> Result<Self, PgError> {
        match missing(&value) {
            Some(missing) => Err(PgError::BadBinaries { value, missing }),
            None => Self::at(value),
        }
    }

    fn at(dir: PathBuf) -> Result<Self, PgError> {
        let dir = absolute(&dir).map_err(PgError::io(format!("find {}", dir.display())))?;
        Ok(Self { dir })
    }

    /// The path of the program `name`.
    pub(crate) fn program(&self, name: &'static str) -> Result<PathBuf, PgError> {
        if is_program(&self.dir.join(name)) {
            return Ok(self.dir.join(name));
        }
        Err(PgError::NoProgram {
            dir: self.dir.clone(),
            program: name,
        })
    }

    /// The folder with `initdb` and `postgres`, as an absolute path.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn missing(dir: &Path) -> Option<&'static str> {
    REQUIRED_PROGRAMS
        .into_iter()
        .find(|name| !is_program(&dir.join(name)))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn newest(versions: &Path) -> Option<PathBuf> {
    fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let dir = entry.path().join("bin");
            let version = version(entry.file_name().to_str()?)?;
            missing(&dir).is_none().then_some((version, dir))
        })
        .max()
        .map(|(_, dir)| dir)
}

fn version(name: &str) -> Option<Vec<u32>> {
    name.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(dir: &Path, names: &[&str]) {
        fs::create_dir_all(dir).unwrap();
        for name in names {
            fs::write(dir.join(name), "").unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn the_variable_takes_precedence() {
        let root = tempfile::tempdir().unwrap();
        let (mine, versions) = (root.path().join("mine"), root.path().join("versions"));
        install(&mine, &REQUIRED_PROGRAMS);
        install(&versions.join("15/bin"), &REQUIRED_PROGRAMS);
        let found = Binaries::find_in(Some(mine.clone().into()), &versions, None).unwrap();
        assert_eq!(found.dir(), mine);
        let found = Binaries::find_in(Some("".into()), &versions, None).unwrap();
        assert_eq!(found.dir(), versions.join("15/bin"));
    }

    #[test]
    fn the_error_for_a_wrong_variable_contains_its_value() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), &["initdb"]);
        let error = Binaries::find_in(Some(root.path().into()), Path::new("/nowhere"), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("STRONGROOM_PG_BIN"), "{error}");
        assert!(error.contains(root.path().to_str().unwrap()), "{error}");
        assert!(error.contains("`postgres`"), "{error}");
    }

    #[test]
    fn versions_compare_as_numbers_and_incomplete_ones_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9.6", "9", "15", "16"] {
            install(&root.path().join(version).join("bin"), &REQUIRED_PROGRAMS);
        }
        install(&root.path().join("17/bin"), &["psql"]);
        install(&root.path().join("zz/bin"), &REQUIRED_PROGRAMS);
        let found = Binaries::find_in(None, root.path(), None).unwrap();
        assert_eq!(found.dir(), root.path().join("16/bin"));
    }

    #[test]
    fn path_is_searched_last_and_the_error_gives_advice() {
        let root = tempfile::tempdir().unwrap();
        let (without, with) = (root.path().join("a"), root.path().join("b"));
        install(&without, &["postgres"]);
        install(&with, &REQUIRED_PROGRAMS);
        let path = env::join_paths([&without, &with]).unwrap();
        let found = Binaries::find_in(None, Path::new("/nowhere"), Some(path)).unwrap();
        assert_eq!(found.dir(), with);

        let error = Binaries::find_in(None, Path::new("/nowhere"), Some(without.into()))
            .unwrap_err()
            .to_string();
        for advice in [
            "STRONGROOM_PG_BIN",
            "apt-get install postgresql",
            "dnf install",
            "brew",
        ] {
            assert!(error.contains(advice), "{error}");
        }
    }
}
