//! `strongroom doctor` on healthy and on damaged installations.

mod access;
mod certificates;
mod credentials;
mod database;
mod keys;
mod regions;

use std::process::Command;

use serde_json::Value;
use strongroom_e2e::{Database, Finished, TestVault, run, strongroom_binary};
use tempfile::TempDir;

/// Texts that must never be printed: passwords of the tests' roles, and the start of a root key.
const SECRETS: [&str; 3] = [
    "superuser-of-the-tests",
    "application-of-the-tests",
    "strongroom-root-key-v1",
];

/// A migrated database with an organization and a root key, without a server.
struct Patient {
    database: Database,
    folder: TempDir,
}

/// The doctor's report.
struct Diagnosis {
    findings: Vec<Value>,
    success: bool,
}

impl Patient {
    async fn new() -> Self {
        Self::on(Database::create().await)
    }

    fn on(database: Database) -> Self {
        let folder = TempDir::with_prefix("strongroom-doctor-").unwrap();
        let patient = Self { database, folder };
        run(&["root-key", "new", "--output", &patient.root_key()], &[]).assert_success();
        let (url, key) = (patient.database.superuser_url(), patient.root_key());
        let variables = [
            ("STRONGROOM_DATABASE_URL", url.as_str()),
            ("STRONGROOM_ROOT_KEY_FILE", &key),
        ];
        run(&["org", "create", "--name", "o"], &variables).assert_success();
        patient
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn root_key(&self) -> String {
        self.path("root.key")
    }

    async fn sql(&self, sql: &str) {
        let client = self.database.connect().await;
        client.batch_execute(sql).await.unwrap();
    }

    /// Examines it with the settings of a server.
    fn examine(&self) -> Diagnosis {
        self.examine_with(&[])
    }

    /// As [`Self::examine`], with further or different variables.
    fn examine_with(&self, other: &[(&str, &str)]) -> Diagnosis {
        let (url, key) = (self.database.app_url(), self.root_key());
        let mut variables = vec![
            ("STRONGROOM_DATABASE_URL", url.as_str()),
            ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
        ];
        variables.extend_from_slice(other);
        diagnose(&variables)
    }
}

fn diagnose(variables: &[(&str, &str)]) -> Diagnosis {
    let finished = run(&["doctor", "--json"], variables);
    keeps_secrets(&finished);
    keeps_secrets(&run(&["doctor"], variables));
    let findings: Value = serde_json::from_str(&finished.stdout).unwrap();
    Diagnosis {
        findings: findings.as_array().unwrap().clone(),
        success: finished.success,
    }
}

fn keeps_secrets(finished: &Finished) {
    for secret in SECRETS {
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(!said.contains(secret), "{said}");
    }
}

fn text<'a>(finding: &'a Value, member: &str) -> &'a str {
    finding[member].as_str().unwrap_or_default()
}

impl Diagnosis {
    /// Panics unless there is no failure.
    fn is_healthy(&self) {
        assert!(
            self.success && self.of_level("failure").is_empty(),
            "{:#?}",
            self.of_level("failure")
        );
    }

    fn of_level(&self, level: &str) -> Vec<&Value> {
        let same = |finding: &&Value| finding["level"] == level;
        self.findings.iter().filter(same).collect()
    }

    /// The advice of the finding of `check` and `level` that contains `words`.
    fn says(&self, check: &str, level: &str, words: &str) -> &str {
        let wanted = |finding: &&Value| {
            let said = format!("{} {}", text(finding, "subject"), text(finding, "found"));
            finding["check"] == check && finding["level"] == level && said.contains(words)
        };
        let found = self.findings.iter().find(wanted);
        let found =
            found.unwrap_or_else(|| panic!("no {level} {check} {words:?} in {:#?}", self.findings));
        assert_eq!(self.success, self.of_level("failure").is_empty());
        text(found, "advice")
    }
}

/// The checks of a healthy installation, each with words of its finding.
const HEALTHY: [(&str, &str); 22] = [
    ("configuration", "all settings"),
    ("database", "strongroom_app"),
    ("role", "bound by row-level security"),
    ("role_rights", "no right beyond"),
    ("role_grants", "every right"),
    ("row_level_security", "forced on all"),
    ("policies", "as the migrations created"),
    ("migrations", "every migration"),
    ("root_key_source", "1 root key(s)"),
    ("root_keys", "is active"),
    ("clock", "agree"),
    ("servers", "1 running"),
    ("rotations", "none is running"),
    ("expiry", "no credential is known to expire"),
    ("purges", "0 deleted credential(s) can be restored"),
    ("audit_partitions", "next three"),
    ("audit_default_partition", "no events"),
    ("key_epoch", "is replaced or revoked"),
    ("connections", "are free"),
    ("postgresql_encoding", "UTF-8"),
    ("region", "none"),
    ("replication_slots", ""),
];

#[tokio::test]
async fn a_healthy_installation_has_no_failure() {
    let vault = TestVault::start().await;
    let (url, key) = (vault.database.app_url(), vault.root_key_file());
    let variables = [
        ("STRONGROOM_DATABASE_URL", url.as_str()),
        ("STRONGROOM_ROOT_KEY_FILE", key.as_str()),
    ];
    let diagnosis = diagnose(&variables);
    diagnosis.is_healthy();
    for (check, words) in HEALTHY {
        diagnosis.says(check, "ok", words);
    }
    // The tests' PostgreSQL runs without fsync.
    let advice = diagnosis.says("postgresql_setting", "warning", "fsync is off");
    assert!(advice.contains("set fsync = on"));
    let every = |finding: &&Value| finding["level"] == "warning";
    let warnings = diagnosis.findings.iter().filter(every);
    for warning in warnings {
        assert!(!text(warning, "advice").is_empty(), "{warning}");
    }
    run(&["doctor", "--strict"], &variables).assert_refused("warning(s)");
    let human = run(&["doctor"], &variables);
    assert!(
        human.success && human.stdout.contains("\n0 failure")
            || human.stdout.contains("0 failure(s)")
    );
}

#[test]
fn what_is_no_option_of_it_exits_with_2() {
    let mut doctor = Command::new(strongroom_binary());
    let ended = doctor.args(["doctor", "--nonsense"]).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

#[tokio::test]
async fn every_broken_setting_is_named_and_the_rest_is_checked() {
    let patient = Patient::new().await;
    let file = patient.path("strongroom.toml");
    std::fs::write(
        &file,
        "databse_url = \"x\"\nworkers = [1]\nkeep_alive = \"1ms\"\nblob_rules = \"object\"\n",
    )
    .unwrap();
    let diagnosis = patient.examine_with(&[
        ("STRONGROOM_CONFIG", &file),
        ("STRONGROOM_LISTEN", "nowhere"),
        ("STRONGROOM_POOL_SIZE", "1"),
        ("STRONGROOM_LOG_LEVEL", "loud"),
        (
            "STRONGROOM_REGIONS",
            "eu=mysql://u:application-of-the-tests@h/d",
        ),
    ]);
    for words in [
        "databse_url",
        "workers must be",
        "keep_alive",
        "listen",
        "pool_size",
        "log_level",
        "regions",
        "blob_validation",
    ] {
        diagnosis.says("configuration", "failure", words);
    }
    assert_eq!(diagnosis.of_level("failure").len(), 8);
    diagnosis.says("migrations", "ok", "");
    let nothing = diagnose(&[]);
    nothing.says("configuration", "failure", "database_url is not set");
    nothing.says("configuration", "failure", "root_key_file is not set");
    nothing.says("database", "failure", "no usable database_url");
    nothing.says("policies", "warning", "not checked");
}
