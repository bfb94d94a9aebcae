use std::fs;
use std::path::Path;

use strongroom_domain::crypto::{RootKey, SecretString};
use strongroom_domain::keyring::RootKeySource;
use zeroize::Zeroizing;

use super::sources::{ConfigError, Found, Sources, check_private};

const HINT: &str = "name a file made by `strongroom root-key new FILE` with --root-key-file or \
                    STRONGROOM_ROOT_KEY_FILE, or set STRONGROOM_ROOT_KEY or STRONGROOM_ROOT_KEY_PASSPHRASE";
/// A shorter passphrase can be guessed, argon2id or not.
const MIN_PASSPHRASE_CHARS: usize = 16;

/// The configured root keys: from a file and a variable, or a passphrase.
pub(super) fn source(sources: &Sources) -> Result<RootKeySource, ConfigError> {
    let mut keys = Vec::new();
    if let Some(found) = sources.get("root_key_file") {
        let read = from_file(Path::new(&found.text));
        keys.extend(read.map_err(|problem| found.invalid("root_key_file", problem))?);
    }
    if let Some(found) = sources.get("root_key") {
        let read = parse(&found.text);
        keys.extend(read.map_err(|problem| found.invalid("root_key", problem))?);
    }
    match (passphrase(sources)?, keys.is_empty()) {
        (None, true) => Err(ConfigError::Missing {
            key: "root_key_file",
            hint: HINT,
        }),
        (None, false) => Ok(RootKeySource::Keys(keys)),
        (Some((passphrase, _, _)), true) => Ok(RootKeySource::Passphrase(passphrase)),
        (Some((_, key, found)), false) => {
            Err(found.invalid(key, "a root key is set as well; use one or the other"))
        }
    }
}

/// The root keys in `path`, newest last.
///
/// # Errors
/// In words, when it cannot be read, others can read it, or it holds no key.
pub(crate) fn from_file(path: &Path) -> Result<Vec<RootKey>, String> {
    let text = read_private(path)?;
    parse(&text)
}

fn passphrase(
    sources: &Sources,
) -> Result<Option<(SecretString, &'static str, &Found)>, ConfigError> {
    if let (Some(found), Some(_)) = (
        sources.get("root_key_passphrase_file"),
        sources.get("root_key_passphrase"),
    ) {
        let problem = "root_key_passphrase is set as well; use one or the other";
        return Err(found.invalid("root_key_passphrase_file", problem));
    }
    let (key, found, text) = if let Some(found) = sources.get("root_key_passphrase") {
        ("root_key_passphrase", found, found.text.clone())
    } else if let Some(found) = sources.get("root_key_passphrase_file") {
        let key = "root_key_passphrase_file";
        let text = read_private(Path::new(&found.text));
        let text = text.map_err(|problem| found.invalid(key, problem))?;
        (key, found, text.trim_end_matches(['\r', '\n']).to_owned())
    } else {
        return Ok(None);
    };
    if text.chars().count() < MIN_PASSPHRASE_CHARS {
        let problem = format!("a passphrase must have at least {MIN_PASSPHRASE_CHARS} characters");
        return Err(found.invalid(key, problem));
    }
    Ok(Some((SecretString::new(text), key, found)))
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
    use strongroom_domain::keyring::new_root_key;

    use super::*;

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
        let ids: Vec<_> = parse(&text).unwrap().iter().map(RootKey::id).collect();
        assert_eq!(ids, [one.id(), two.id()]);
        assert!(parse("# nothing\n").is_err());
        assert!(parse("x\n").unwrap_err().starts_with("line 1:"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            file.path(),
            new_root_key(&OsRandom).unwrap().to_text().expose(),
        )
        .unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(
                from_file(file.path()).unwrap_err().contains("chmod 600"),
                "{mode:o}"
            );
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(from_file(file.path()).unwrap().len(), 1);
    }
}
