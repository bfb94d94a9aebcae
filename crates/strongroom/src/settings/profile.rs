//! Which profile a command uses, and the folder of the profiles.

use std::path::PathBuf;

use crate::settings::variables::environment;

/// The variable that names the profile.
pub(crate) const VARIABLE: &str = "STRONGROOM_PROFILE";

/// The profile that the variable names. An empty variable names none.
pub(crate) fn named_by_variable() -> Option<String> {
    let name = environment().remove(VARIABLE);
    name.filter(|name| !name.is_empty())
}

/// The folder of the profiles of this user: `$XDG_CONFIG_HOME/strongroom`, or else
/// `~/.config/strongroom`.
pub(crate) fn folder() -> Option<PathBuf> {
    // A relative path is ignored, as the XDG Base Directory Specification requires.
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let config = path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let home = || path("HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(home()?.join(".config")))?;
    Some(config.join("strongroom"))
}

/// The user's editor, as `VISUAL` or `EDITOR` names it.
pub(crate) fn editor() -> String {
    let mut variables = environment();
    let mut named = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(|name| variables.remove(name));
    let named = named.find(|editor| !editor.trim().is_empty());
    named.unwrap_or_else(|| "vi".to_owned())
}

/// The user's folder for files that end with the session.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    folder.filter(|folder| folder.is_absolute() && folder.is_dir())
}
