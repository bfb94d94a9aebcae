//! The TOML file of settings.

use std::path::Path;

use crate::private_file::check_private;
use crate::settings::error::{ConfigError, advice};
use crate::settings::setting::{Key, Row};
use crate::settings::similar::similar;
use crate::settings::table::{CONFIG, REGIONS, all};

const REGIONS_FORM: &str =
    "regions must be tables [[regions]] with name and database_url, or a string of NAME=URL";

/// The values in `file`, and the problems of the others.
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
    let key_material = |row: &&Row| row.is_key_material() && table.contains_key(row.key);
    if let Some(row) = rows().find(key_material)
        && let Err(problem) = check_private(file)
    {
        problems.push(broken(format!("it holds {}, and {problem}", row.key)));
    }
    for (name, value) in table {
        match read_value(&name, value) {
            Ok(read) => values.push(read),
            Err(problem) => problems.push(broken(problem)),
        }
    }
    (values, problems)
}

fn rows() -> impl Iterator<Item = &'static Row> {
    let rows = all().map(|setting| setting.row());
    rows.filter(|row| row.key != CONFIG.key())
}

fn read_value(name: &str, value: toml::Value) -> Result<(Key, String), String> {
    let Some(row) = rows().find(|row| row.key == name) else {
        let renamed = rows().find(|row| row.former == Some(name));
        return Err(match renamed {
            Some(row) => format!("{name} is now named {}", row.key),
            None => {
                let advice = advice(similar(name, rows().map(|row| row.key)));
                format!("{name:?} is not a known setting; {advice}")
            }
        });
    };
    let text = if row.key == REGIONS.key() {
        regions(value).ok_or_else(|| REGIONS_FORM.to_owned())?
    } else {
        plain(value).ok_or_else(|| format!("{name} must be a string, a number or a boolean"))?
    };
    Ok((row.key, text))
}

// The error's own text quotes the line, which may contain a secret.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
    format!("line {line}: {}", error.message())
}

// An array of tables becomes the text that the variable has.
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
