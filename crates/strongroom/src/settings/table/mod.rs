//! The table of settings. One entry here makes a setting's flag, variable, TOML name, default,
//! check in `strongroom doctor`, and description in `--help` and `docs/configuration.md`.
//! The value is read with `sources.get(&NAME)?`.

mod database;
mod http;
mod operation;
mod vault;

pub(super) use database::*;
pub(super) use http::*;
pub(super) use operation::*;
pub(super) use vault::*;

use crate::settings::setting::AnySetting;

/// Every setting, in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static dyn AnySetting> {
    let files = [database::ALL, http::ALL, vault::ALL, operation::ALL];
    files.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::setting::Row;
    use crate::settings::values::address;

    fn rows() -> impl Iterator<Item = &'static Row> {
        all().map(|setting| setting.row())
    }

    #[test]
    fn every_name_is_used_once() {
        let names = rows().flat_map(|row| [Some(row.key), row.former]).flatten();
        let names: Vec<_> = names.collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn every_default_is_a_value() {
        for setting in all() {
            let row = setting.row();
            assert_eq!(setting.has_default(), row.default.is_some(), "{}", row.key);
        }
    }

    #[test]
    fn only_secrets_have_no_flag() {
        for row in rows().filter(|row| row.flag.is_none()) {
            assert!(row.secret, "{}", row.key);
        }
    }

    #[test]
    fn every_setting_is_described() {
        for row in rows() {
            assert!(
                row.what.ends_with('.') && !row.section.is_empty(),
                "{}",
                row.key
            );
        }
    }

    #[test]
    fn the_default_address_is_loopback() {
        let listen = rows().find(|row| row.key == LISTEN.key()).unwrap();
        assert!(address(listen.default.unwrap()).unwrap().ip().is_loopback());
    }
}
