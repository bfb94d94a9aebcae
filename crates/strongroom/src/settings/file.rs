//! The file of settings.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::sources::{ConfigError, KEYS, Key};

/// Settings that a file may hold only when nobody else can read it.
const KEY_MATERIAL: [Key; 2] = ["root_key", "root_key_passphrase"];

/// Refuses a file that others than its owner can read or change.
pub(crate) fn check_private(file: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "others can read or change this file (mode {:04o}); run: chmod 600 {}",
        mode & 0o7777,
        file.display()
    ))
}

/// The values in `file`, and what is wrong with the others.
pub(super) fn read_file(file: &Path) -> (Vec<(Key, String)>, Vec<ConfigError>) {
    let broken = |problem: String| ConfigError::File {
        file: file.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let table = text.and_then(|text| {
        let table = text.parse::<toml::Table>();
        table.map_err(|error| syntax(&text, &error))
    });
    let table = match table {
        Ok(table) => table,
        Err(problem) => return (Vec::new(), vec![broken(problem)]),
    };
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    if let Some(name) = KEY_MATERIAL.iter().find(|name| table.contains_key(**name))
        && let Err(problem) = check_private(file)
    {
        problems.push(broken(format!("it holds {name}, and {problem}")));
    }
    for (name, value) in table {
        match read_value(&name, value) {
            Ok(read) => values.push(read),
            Err(problem) => problems.push(broken(problem)),
        }
    }
    (values, problems)
}

fn read_value(name: &str, value: toml::Value) -> Result<(Key, String), String> {
    let known = KEYS.iter().find(|key| **key == name && name != "config");
    let key = known.ok_or_else(|| format!("{name:?} is not a known setting"))?;
    let text = if *key == "regions" {
        regions(value).ok_or_else(|| REGIONS_FORM.to_owned())?
    } else {
        plain(value).ok_or_else(|| format!("{name} must be a string, a number or a boolean"))?
    };
    Ok((*key, text))
}

// The error's own text quotes the line, and with it perhaps a secret.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    format!("line {line}: {}", error.message())
}

const REGIONS_FORM: &str =
    "regions must be tables [[regions]] with name and database_url, or a string of NAME=URL";

// In a file, regions are an array of tables; as a variable, the text that this makes of them.
fn regions(value: toml::Value) -> Option<String> {
    let tables = match value {
        toml::Value::String(text) => return Some(text),
        toml::Value::Array(tables) => tables,
        _ => return None,
    };
    let region = |table: toml::Value| {
        let toml::Value::Table(mut table) = table else {
            return None;
        };
        let mut text = |member| table.remove(member).and_then(plain);
        let region = format!("{}={}", text("name")?, text("database_url")?);
        table.is_empty().then_some(region)
    };
    let regions: Option<Vec<_>> = tables.into_iter().map(region).collect();
    Some(regions?.join("\n"))
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(boolean) => Some(boolean.to_string()),
        _ => None,
    }
}
