//! Where values come from: flags, then variables, then the file, then other programs' variables.

use std::collections::BTreeMap;
use std::path::Path;

use crate::settings::error::{ConfigError, ConfigErrors, Found, Origin};
use crate::settings::file::read_file;
use crate::settings::setting::{Key, Row, Setting, variable};
use crate::settings::table::{CONFIG, ROOT_KEY_PASSPHRASE, ROOT_KEYS, all};
use crate::settings::variables::{Variables, environment, unknown};

/// The texts of all settings that are set, each from its strongest source.
#[derive(Default)]
pub(crate) struct Sources {
    found: BTreeMap<Key, Found>,
}

impl Sources {
    /// Reads `flags`, the process's variables, and the file that `config` names.
    ///
    /// # Errors
    /// All problems with the file and with names.
    pub(super) fn read(flags: &[(Key, String)]) -> Result<Self, ConfigErrors> {
        let (sources, problems) = Self::read_all(flags);
        ConfigErrors::none_of(problems)?;
        Ok(sources)
    }

    /// As [`Self::read`], with the values that can be read and all problems.
    pub(super) fn read_all(flags: &[(Key, String)]) -> (Self, Vec<ConfigError>) {
        Self::gather(flags, &environment())
    }

    /// The value of `setting`: what is set, else its default.
    pub(super) fn get<T>(&self, setting: &Setting<T>) -> Result<T, ConfigError> {
        match self.found(setting) {
            Some(found) => {
                let value = setting.parse(&found.text);
                value.map_err(|problem| found.invalid(setting.row(), problem))
            }
            None => setting.unset().map_err(|hint| ConfigError::Missing {
                key: setting.key(),
                hint,
            }),
        }
    }

    /// What is set for `setting`.
    pub(super) fn found<T>(&self, setting: &Setting<T>) -> Option<&Found> {
        self.found.get(setting.key())
    }

    /// Parses every value, and returns the errors. A wrong value is removed if there is a default
    /// to take its place. Root keys are left out: they have findings of their own.
    pub(super) fn check(&mut self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        for setting in all() {
            let row = setting.row();
            let found = self.found.get(row.key);
            let checked = found.filter(|_| row.section != ROOT_KEYS);
            if let Some(found) = checked
                && let Err(problem) = setting.check(&found.text)
            {
                problems.push(found.invalid(row, problem));
                if setting.has_default() {
                    self.found.remove(row.key);
                }
            }
        }
        problems
    }

    fn gather(flags: &[(Key, String)], variables: &Variables) -> (Self, Vec<ConfigError>) {
        let (mut sources, mut problems) = (Self::default(), unknown(variables));
        for (key, text) in flags {
            sources.add(key, text, Origin::Flag(key));
        }
        for setting in all() {
            problems.extend(sources.add_variable(setting.row(), variables));
        }
        if let Some(file) = sources.found(&CONFIG).map(|found| found.text.clone()) {
            let file = Path::new(&file);
            let (values, wrong) = read_file(file);
            problems.extend(wrong);
            for (key, text) in values {
                sources.add(key, &text, Origin::File(file.to_owned()));
            }
        }
        for setting in all() {
            sources.add_fallbacks(setting.row(), variables);
        }
        (sources, problems)
    }

    fn add(&mut self, key: Key, text: &str, origin: Origin) {
        // Secrets of orchestrators often end with a line break. One at the end of a passphrase may
        // have been part of it so far.
        let text = match key == ROOT_KEY_PASSPHRASE.key() {
            true => text.to_owned(),
            false => text.trim_end_matches(['\r', '\n']).to_owned(),
        };
        self.found.entry(key).or_insert(Found { text, origin });
    }

    fn add_variable(&mut self, row: &Row, variables: &Variables) -> Option<ConfigError> {
        let name = row.variable();
        if let Some(text) = variables.get(&name) {
            self.add(row.key, text, Origin::Variable(name));
        }
        let (old, new) = (row.former?, row.key);
        let name = variable(old);
        let origin = Origin::Variable(name.clone());
        let renamed = ConfigError::Renamed { old, origin, new };
        variables.contains_key(&name).then_some(renamed)
    }

    fn add_fallbacks(&mut self, row: &Row, variables: &Variables) {
        let disabled = variables.get("OTEL_SDK_DISABLED");
        let disabled = disabled.is_some_and(|text| text == "true");
        for name in row.fallbacks {
            let open_telemetry = name.starts_with("OTEL_");
            let text = variables.get(*name);
            // OpenTelemetry treats an empty variable as one that is not set.
            let text = text.filter(|text| !open_telemetry || (!disabled && !text.is_empty()));
            if let Some(text) = text {
                self.add(row.key, text, Origin::Fallback(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::settings::table::{
        BLOB_VALIDATION, DATABASE_URL, KEEP_ALIVE, LISTEN, OTLP_ENDPOINT, POOL_SIZE, REGIONS,
        ROOT_KEY, WORKERS,
    };

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn config(file: &tempfile::NamedTempFile) -> (Key, String) {
        ("config", file.path().to_str().unwrap().to_owned())
    }

    /// Without a problem.
    fn read(flags: &[(Key, String)], pairs: &[(&str, &str)]) -> Sources {
        let (sources, problems) = Sources::gather(flags, &variables(pairs));
        assert_eq!(problems, []);
        sources
    }

    #[test]
    fn flags_beat_variables_beat_the_file() {
        let file = file("listen = \"f:1\"\npool_size = 3\nworkers = 5\n");
        let flags = [("listen", "flag:1".to_owned()), config(&file)];
        let pairs = [("STRONGROOM_LISTEN", "v:1"), ("STRONGROOM_POOL_SIZE", "4")];
        let sources = read(&flags, &pairs);
        assert_eq!(sources.found(&LISTEN).unwrap().text, "flag:1");
        assert_eq!(sources.get(&POOL_SIZE), Ok(4));
        assert_eq!(sources.get(&WORKERS), Ok(5));
    }

    #[test]
    fn other_programs_variables_are_read_last() {
        let pairs = [("DATABASE_URL", "a"), ("STRONGROOM_DATABASE_URL", "b")];
        let found = |pairs: &[_]| read(&[], pairs).found(&DATABASE_URL).unwrap().text.clone();
        assert_eq!(found(&pairs), "b");
        assert_eq!(found(&pairs[..1]), "a");
        let (traces, all) = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        );
        let pairs = [(all, "http://b"), (traces, "http://a")];
        let endpoint = |pairs: &[_]| read(&[], pairs).get(&OTLP_ENDPOINT).unwrap();
        assert_eq!(endpoint(&pairs).as_deref(), Some("http://a"));
        assert_eq!(endpoint(&pairs[..1]).as_deref(), Some("http://b"));
        assert_eq!(endpoint(&[(all, ""), ("OTEL_SDK_DISABLED", "false")]), None);
        assert_eq!(
            endpoint(&[(all, "http://b"), ("OTEL_SDK_DISABLED", "true")]),
            None
        );
    }

    #[test]
    fn regions_in_a_file_are_tables() {
        let file = file(
            "[[regions]]\nname = \"eu\"\ndatabase_url = \"postgresql://a\"\n\
             [[regions]]\nname = \"us\"\ndatabase_url = \"postgresql://b\"\n",
        );
        let sources = read(&[config(&file)], &[]);
        let text = &sources.found(&REGIONS).unwrap().text;
        assert_eq!(text, "eu=postgresql://a\nus=postgresql://b");
    }

    #[test]
    fn errors_name_key_problem_and_origin_but_no_secret() {
        let pairs = [
            ("STRONGROOM_LISTEN", "x"),
            ("STRONGROOM_ROOT_KEY", "hunter2"),
        ];
        let sources = read(&[], &pairs);
        let error = sources.get(&LISTEN).unwrap_err().to_string();
        let start = "configuration: listen (from variable STRONGROOM_LISTEN) is \"x\": must be an";
        assert!(error.starts_with(start), "{error}");
        let error = sources.get(&ROOT_KEY).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn renamed_settings_are_refused_with_the_new_name() {
        let (_, problems) = Sources::gather(&[], &variables(&[("STRONGROOM_BLOB_RULES", "typed")]));
        assert_eq!(
            problems[0].to_string(),
            "configuration: blob_rules (from variable STRONGROOM_BLOB_RULES): is now named \
             blob_validation"
        );
        let file = file("verify_interval = \"1h\"");
        let (_, problems) = Sources::gather(&[config(&file)], &Variables::new());
        let problem = problems[0].to_string();
        assert!(
            problem.ends_with(": verify_interval is now named scrub_interval"),
            "{problem}"
        );
    }

    #[test]
    fn a_wrong_value_gives_way_to_its_default() {
        let pairs = [
            ("STRONGROOM_KEEP_ALIVE", "1ms"),
            ("STRONGROOM_DATABASE_URL", "x"),
        ];
        let mut sources = read(&[], &pairs);
        let problems = sources.check();
        assert_eq!(problems.len(), 2);
        assert_eq!(
            sources.get(&KEEP_ALIVE),
            Sources::default().get(&KEEP_ALIVE)
        );
        // Without a default, the error is still the one of the wrong value.
        assert_eq!(
            sources.get(&DATABASE_URL).err().as_ref(),
            Some(&problems[0])
        );
        assert!(sources.get(&BLOB_VALIDATION).is_ok());
    }

    #[test]
    fn a_file_that_others_can_read_may_hold_no_key() {
        let file = file("root_key_passphrase = \"a long enough passphrase\"");
        let problems = || Sources::gather(&[config(&file)], &Variables::new()).1;
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(file.path(), mode(0o644)).unwrap();
        assert!(problems()[0].to_string().contains("chmod 600"));
        std::fs::set_permissions(file.path(), mode(0o600)).unwrap();
        assert_eq!(problems(), []);
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
            let (_, problems) = Sources::gather(&[config(&file)], &Variables::new());
            let error = problems[0].to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
