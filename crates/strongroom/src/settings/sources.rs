use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::file::read_file;

/// A setting's name, as in the TOML file. The variable is `STRONGROOM_` and the name in capitals.
pub(crate) type Key = &'static str;

/// Every setting there is.
pub(super) const KEYS: [Key; 49] = [
    "database_url",
    "database_url_file",
    "region",
    "regions",
    "max_replica_lag",
    "stale_reads",
    "root_key_file",
    "root_key",
    "root_key_passphrase",
    "root_key_passphrase_file",
    "listen",
    "blob_rules",
    "anonymous_org",
    "workers",
    "pool_size",
    "max_connections",
    "request_timeout",
    "statement_timeout",
    "connect_timeout",
    "header_timeout",
    "body_timeout",
    "keep_alive",
    "drain_delay",
    "shutdown_timeout",
    "verify_interval",
    "use_flush_interval",
    "key_rate",
    "key_burst",
    "org_rate",
    "org_burst",
    "failed_auth_rate",
    "failed_auth_burst",
    "trusted_proxies",
    "max_body",
    "max_url",
    "max_headers",
    "max_header_bytes",
    "write_timeout",
    "tls_cert_file",
    "tls_key_file",
    "tls_client_ca_file",
    "tls_client_auth",
    "metrics_listen",
    "metrics_by_organization",
    "otlp_endpoint",
    "trace_sample_ratio",
    "log_format",
    "log_level",
    "config",
];

/// The name under which OpenTelemetry's variable for traces alone is found.
pub(super) const TRACES_ENDPOINT: Key = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

/// Variables of OpenTelemetry, strongest first, with the settings that they stand for when nothing else does.
const OPEN_TELEMETRY: [(&str, Key); 2] = [
    (TRACES_ENDPOINT, TRACES_ENDPOINT),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
];

/// Settings whose value is never shown.
const SECRET: [Key; 6] = [
    "database_url",
    "regions",
    "root_key",
    "root_key_passphrase",
    "otlp_endpoint",
    TRACES_ENDPOINT,
];

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(Key),
    Variable(String),
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(key) => write!(f, "flag --{}", key.replace('_', "-")),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// What is wrong with the configuration: the setting, the problem, and where the value came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("configuration: {key} is not set: {hint}")]
    Missing { key: Key, hint: &'static str },
    #[error("configuration: {key} (from {origin}){value}: {problem}")]
    Invalid {
        key: Key,
        origin: Origin,
        value: String,
        problem: String,
    },
    #[error("configuration file {}: {problem}", file.display())]
    File { file: PathBuf, problem: String },
}

/// A raw value with its origin. Does not print itself.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// All raw values, the strongest of each.
pub(crate) struct Sources {
    found: BTreeMap<Key, Found>,
    /// What was wrong so far, where that shall not keep the rest from being read.
    forgiven: Option<RefCell<Vec<ConfigError>>>,
}

impl Sources {
    /// Gathers flags, the process's variables, and the file that `config` names.
    pub(crate) fn read(
        flags: &[(Key, Option<String>)],
        config: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        Self::gather(flags, &environment(), config)
    }

    /// As [`Self::read`], but goes on after what is wrong: a default takes its place. [`Self::problems`] has it.
    pub(crate) fn read_all(flags: &[(Key, Option<String>)], config: Option<&Path>) -> Self {
        let (found, problems) = collect(flags, &environment(), config);
        let forgiven = Some(RefCell::new(problems));
        Self { found, forgiven }
    }

    /// What [`Self::read_all`] and the settings' own checks found wrong.
    pub(crate) fn problems(&self) -> Vec<ConfigError> {
        let forgiven = self.forgiven.as_ref();
        forgiven.map_or_else(Vec::new, |problems| problems.borrow().clone())
    }

    fn gather(
        flags: &[(Key, Option<String>)],
        variables: &BTreeMap<String, String>,
        config: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let (found, problems) = collect(flags, variables, config);
        let forgiven = None;
        problems
            .into_iter()
            .next()
            .map_or(Ok(Self { found, forgiven }), Err)
    }

    /// The raw value of `key`.
    pub(crate) fn get(&self, key: Key) -> Option<&Found> {
        self.found.get(key)
    }

    /// The value of `key` as `parse` reads it, or `default` when it is not set.
    pub(crate) fn parse<T>(
        &self,
        key: Key,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(found) => parse(&found.text).or_else(|problem| {
                let error = found.invalid(key, problem);
                let Some(forgiven) = &self.forgiven else {
                    return Err(error);
                };
                forgiven.borrow_mut().push(error);
                Ok(default)
            }),
        }
    }
}

fn environment() -> BTreeMap<String, String> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // A value that is no UTF-8 is no value of ours; its replacement fails the setting's own check.
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    });
    variables.collect()
}

/// All values, and all that is wrong with the file.
fn collect(
    flags: &[(Key, Option<String>)],
    variables: &BTreeMap<String, String>,
    config: Option<&Path>,
) -> (BTreeMap<Key, Found>, Vec<ConfigError>) {
    let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
    for (key, value) in flags {
        if let Some(text) = value {
            let (text, origin) = (text.clone(), Origin::Flag(key));
            found.insert(*key, Found { text, origin });
        }
    }
    for key in KEYS {
        let name = variable(key);
        if let Some(text) = variables.get(&name) {
            let (text, origin) = (text.clone(), Origin::Variable(name));
            found.entry(key).or_insert(Found { text, origin });
        }
    }
    let named = found.get("config").map(|found| PathBuf::from(&found.text));
    if let Some(file) = config.map(Path::to_owned).or(named) {
        let (values, wrong) = read_file(&file);
        problems = wrong;
        for (key, text) in values {
            let origin = Origin::File(file.clone());
            found.entry(key).or_insert(Found { text, origin });
        }
    }
    // Many platforms set this one for whatever runs on them, so it is the last to be asked.
    if let Some(text) = variables.get("DATABASE_URL") {
        let (text, origin) = (text.clone(), Origin::Variable("DATABASE_URL".into()));
        found
            .entry("database_url")
            .or_insert(Found { text, origin });
    }
    let disabled = variables.get("OTEL_SDK_DISABLED");
    if disabled.is_none_or(|text| text != "true") && !found.contains_key("otlp_endpoint") {
        let given = OPEN_TELEMETRY.iter().find_map(|(name, key)| {
            let text = variables.get(*name).filter(|text| !text.is_empty())?;
            let (text, origin) = (text.clone(), Origin::Variable((*name).into()));
            Some((*key, Found { text, origin }))
        });
        found.extend(given);
    }
    (found, problems)
}

impl Found {
    /// Whether it comes from the variable that many platforms set for whatever runs on them.
    pub(crate) fn is_last_resort(&self) -> bool {
        self.origin == Origin::Variable("DATABASE_URL".into())
    }

    /// The error that says what is wrong with this value of `key`.
    pub(crate) fn invalid(&self, key: Key, problem: impl Into<String>) -> ConfigError {
        let value = if SECRET.contains(&key) {
            String::new()
        } else {
            format!(" is {:?}", self.text)
        };
        ConfigError::Invalid {
            key,
            origin: self.origin.clone(),
            value,
            problem: problem.into(),
        }
    }
}

fn variable(key: Key) -> String {
    format!("STRONGROOM_{}", key.to_uppercase())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn flags_beat_variables_beat_the_file() {
        let file = file("listen = \"f:1\"\npool_size = 3\nworkers = 5\n");
        let variables = variables(&[("STRONGROOM_LISTEN", "v:1"), ("STRONGROOM_POOL_SIZE", "4")]);
        let flags = [("listen", Some("flag:1".to_owned())), ("workers", None)];
        let sources = Sources::gather(&flags, &variables, Some(file.path())).unwrap();
        let text = |key| sources.get(key).unwrap().text.as_str();
        assert_eq!(
            (text("listen"), text("pool_size"), text("workers")),
            ("flag:1", "4", "5")
        );
    }

    #[test]
    fn database_url_is_the_last_resort() {
        let both = variables(&[("DATABASE_URL", "a"), ("STRONGROOM_DATABASE_URL", "b")]);
        let sources = Sources::gather(&[], &both, None).unwrap();
        assert_eq!(sources.get("database_url").unwrap().text, "b");
        let one = variables(&[("DATABASE_URL", "a")]);
        let sources = Sources::gather(&[], &one, None).unwrap();
        assert_eq!(sources.get("database_url").unwrap().text, "a");
    }

    #[test]
    fn regions_in_a_file_are_tables() {
        let file = file(
            "[[regions]]\nname = \"eu\"\ndatabase_url = \"postgresql://a\"\n\
             [[regions]]\nname = \"us\"\ndatabase_url = \"postgresql://b\"\n",
        );
        let sources = Sources::gather(&[], &BTreeMap::new(), Some(file.path())).unwrap();
        let text = &sources.get("regions").unwrap().text;
        assert_eq!(text, "eu=postgresql://a\nus=postgresql://b");
    }

    #[test]
    fn errors_name_key_problem_and_origin_but_no_secret() {
        let variables = variables(&[
            ("STRONGROOM_LISTEN", "x"),
            ("STRONGROOM_ROOT_KEY", "hunter2"),
        ]);
        let sources = Sources::gather(&[], &variables, None).unwrap();
        let error = sources
            .get("listen")
            .unwrap()
            .invalid("listen", "is no address");
        assert_eq!(
            error.to_string(),
            "configuration: listen (from variable STRONGROOM_LISTEN) is \"x\": is no address"
        );
        let error = sources
            .get("root_key")
            .unwrap()
            .invalid("root_key", "is no key");
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_file_that_others_can_read_may_hold_no_key() {
        let file = file("root_key_passphrase = \"a long enough passphrase\"");
        let gather = || Sources::gather(&[], &BTreeMap::new(), Some(file.path()));
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(file.path(), mode(0o644)).unwrap();
        assert!(gather().err().unwrap().to_string().contains("chmod 600"));
        std::fs::set_permissions(file.path(), mode(0o600)).unwrap();
        assert!(gather().is_ok());
    }

    #[test]
    fn a_broken_file_is_refused_without_quoting_it() {
        for content in [
            "database_url = \"postgresql://u:hunter2@h/d",
            "database_url = hunter2",
            "a = 1\ndatabase_url = [\"hunter2\"]",
            "databse_url = \"hunter2\"",
            "[database_url]\nx = \"hunter2\"",
            "regions = [\"hunter2\"]",
            "[[regions]]\nname = \"eu\"\ndatabase_ulr = \"hunter2\"",
        ] {
            let file = file(content);
            let error = Sources::gather(&[], &BTreeMap::new(), Some(file.path()))
                .err()
                .unwrap();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
