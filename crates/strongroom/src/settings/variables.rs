//! The process's variables.

use std::collections::BTreeMap;

use crate::settings::error::ConfigError;
use crate::settings::setting::{PREFIX, Row, variable};
use crate::settings::similar::similar;
use crate::settings::table::all;

pub(super) type Variables = BTreeMap<String, String>;

/// Variables of the deployment, the build, the tests and of callers, which a server may inherit.
const NO_SETTINGS: [&str; 12] = [
    "AP_PORT",
    "BIND",
    "COMMIT",
    "COMPOSE",
    "EU_PORT",
    "IMAGE",
    "KEY",
    "PG_BIN",
    "PGDEV_TEST_FOLDER",
    "PROFILE",
    "SECRETS",
    "US_PORT",
];

/// The variables of this process.
pub(super) fn environment() -> Variables {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // A value that is not UTF-8 is replaced, and then fails the setting's own check.
        let value = value.to_string_lossy().into_owned();
        Some((name.into_string().ok()?, value))
    });
    variables.collect()
}

/// An error for each variable that is named like a setting and is none.
pub(super) fn unknown(variables: &Variables) -> Vec<ConfigError> {
    let ours = variables.iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix(PREFIX)?;
        let known = rows().any(|row| {
            row.variable() == *name || row.former.is_some_and(|former| variable(former) == *name)
        });
        let refused = !known && !NO_SETTINGS.contains(&rest) && !is_of_kubernetes(name, value);
        refused.then(|| unknown_variable(name, rest))
    });
    ours.collect()
}

fn rows() -> impl Iterator<Item = &'static Row> {
    all().map(|setting| setting.row())
}

fn unknown_variable(name: &str, rest: &str) -> ConfigError {
    ConfigError::Unknown {
        name: name.to_owned(),
        similar: similar(rest, rows().map(|row| row.key)).map(variable),
    }
}

/// Whether Kubernetes sets it: a service called `strongroom` adds `STRONGROOM_SERVICE_HOST`,
/// `STRONGROOM_PORT` and others to every container of its namespace.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let of_service = name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT");
    let of_port = name.ends_with("_PORT") && value.contains("://");
    of_service || of_port || name.contains("_PORT_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> Option<String> {
        let variables = Variables::from([(name.to_owned(), value.to_owned())]);
        let problems = unknown(&variables);
        problems.first().map(ToString::to_string)
    }

    #[test]
    fn an_unknown_variable_is_refused_with_the_name_that_was_meant() {
        assert_eq!(
            refused("STRONGROOM_POOLSIZE", "5").as_deref(),
            Some(
                "configuration: variable STRONGROOM_POOLSIZE is not a known setting; did you mean \
                 STRONGROOM_POOL_SIZE?"
            )
        );
        let zebra = refused("STRONGROOM_ZEBRA", "").unwrap();
        assert!(
            zebra.ends_with("docs/configuration.md lists all settings"),
            "{zebra}"
        );
        assert!(refused("STRONGROOM_PORT", "9000").is_some());
    }

    #[test]
    fn variables_that_are_not_meant_for_a_server_are_accepted() {
        for (name, value) in [
            ("STRONGROOM_POOL_SIZE", "5"),
            ("STRONGROOM_BLOB_RULES", "typed"),
            ("STRONGROOM_IMAGE", "strongroom:1"),
            ("STRONGROOM_EU_PORT", "8701"),
            ("STRONGROOM_SERVICE_HOST", "10.0.0.1"),
            ("STRONGROOM_EU_SERVICE_PORT_HTTP", "8700"),
            ("STRONGROOM_PORT", "tcp://10.0.0.1:8700"),
            ("STRONGROOM_PORT_8700_TCP_ADDR", "10.0.0.1"),
            ("POOLSIZE", "5"),
        ] {
            assert_eq!(refused(name, value), None, "{name}");
        }
    }
}
