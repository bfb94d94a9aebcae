//! Parsers of root keys: from text, from a file or folder, and from a passphrase.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom_domain::crypto::{RootKey, SecretString};
use strongroom_domain::keyring::sources::RootKeySources;
use zeroize::Zeroizing;

use crate::private_file::check_private;

/// A shorter passphrase can be guessed, argon2id or not.
const MIN_PASSPHRASE_CHARS: usize = 16;
/// What is no part of a passphrase at its end.
const LINE_END: [char; 2] = ['\r', '\n'];

/// Root keys, one per line.
pub(super) fn root_keys(text: &str) -> Result<RootKeySources, String> {
    parse(text).map(of_keys)
}

/// The root keys in a file, or in a folder of files.
pub(super) fn root_key_file(path: &str) -> Result<RootKeySources, String> {
    from_path(Path::new(path)).map(of_keys)
}

/// A passphrase, which stands for a root key.
pub(super) fn passphrase(text: &str) -> Result<RootKeySources, String> {
    let given = text;
    let text = given.trim_end_matches(LINE_END);
    if text.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(format!(
            "a passphrase must have at least {MIN_PASSPHRASE_CHARS} characters"
        ));
    }
    let secret = |text: &str| vec![SecretString::new(text.to_owned())];
    Ok(RootKeySources {
        passphrases: secret(text),
        passphrases_with_line_end: match given == text {
            true => Vec::new(),
            false => secret(given),
        },
        ..RootKeySources::default()
    })
}

/// The passphrase in a file, without the line's end.
pub(super) fn passphrase_file(path: &str) -> Result<RootKeySources, String> {
    let text = read_private(Path::new(path))?;
    passphrase(text.trim_end_matches(LINE_END))
}

fn of_keys(keys: Vec<RootKey>) -> RootKeySources {
    RootKeySources {
        keys,
        ..RootKeySources::default()
    }
}

/// The root keys in `path`, newest last: a file, or a folder of files in the order of their names.
fn from_path(path: &Path) -> Result<Vec<RootKey>, String> {
    if !path.is_dir() {
        return parse(&read_private(path)?);
    }
    let entries = fs::read_dir(path).map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    // Files of editors and orchestrators, such as `..data`, begin with a dot.
    let hidden = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_none_or(|name| name.starts_with('.'))
    };
    files.retain(|file| !hidden(file) && file.is_file());
    files.sort();
    let mut keys = Vec::new();
    for file in &files {
        let read = read_private(file).and_then(|text| parse(&text));
        keys.extend(read.map_err(|problem| format!("{}: {problem}", file.display()))?);
    }
    if keys.is_empty() {
        return Err("there is no root key in this folder".into());
    }
    Ok(keys)
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, String> {
    check_private(path)?;
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(Zeroizing::new(text))
}

fn parse(text: &str) -> Result<Vec<RootKey>, String> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()));
    let keys = lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| RootKey::parse(line).map_err(|error| format!("line {at}: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err("there is no root key in it".into());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use strongroom_domain::crypto::OsRandom;
    use strongroom_domain::keyring::sources::new_root_key;

    use super::*;

    fn write(path: &Path, keys: &[&RootKey]) {
        let lines: Vec<_> = keys
            .iter()
            .map(|key| key.to_text().expose().to_owned())
            .collect();
        fs::write(path, lines.join("\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn ids(keys: &[RootKey]) -> Vec<strongroom_domain::crypto::RootKeyId> {
        keys.iter().map(RootKey::id).collect()
    }

    #[test]
    fn comments_and_several_keys() {
        let (one, two) = (
            new_root_key(&OsRandom).unwrap(),
            new_root_key(&OsRandom).unwrap(),
        );
        let text = format!(
            "# old\n{}\n\n# new\n{}\n",
            one.to_text().expose(),
            two.to_text().expose()
        );
        assert_eq!(ids(&parse(&text).unwrap()), [one.id(), two.id()]);
        assert!(parse("# nothing\n").is_err());
        assert!(parse("x\n").unwrap_err().starts_with("line 1:"));
    }

    #[test]
    fn a_folder_holds_keys_in_the_order_of_its_names() {
        let (one, two) = (
            new_root_key(&OsRandom).unwrap(),
            new_root_key(&OsRandom).unwrap(),
        );
        let folder = tempfile::tempdir().unwrap();
        assert!(from_path(folder.path()).is_err());
        write(&folder.path().join("2026.key"), &[&two]);
        write(&folder.path().join("2025.key"), &[&one]);
        fs::write(folder.path().join(".swp"), "x").unwrap();
        assert_eq!(
            ids(&from_path(folder.path()).unwrap()),
            [one.id(), two.id()]
        );
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        write(file.path(), &[&new_root_key(&OsRandom).unwrap()]);
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                from_path(file.path()).unwrap_err().contains("chmod 600"),
                "{mode:o}"
            );
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(from_path(file.path()).unwrap().len(), 1);
    }
}
