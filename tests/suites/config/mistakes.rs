//! Mistakes in values and names, and how they are told.

use strongroom_e2e::{Database, refusal, run};
use tempfile::TempDir;

use super::CANARY;

/// Kubernetes' Secrets often end with a line break.
#[tokio::test]
async fn a_line_break_at_the_end_of_a_value_is_no_part_of_it() {
    let database = Database::create().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("passphrase");
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).unwrap();
    let url = format!("{}\r\n", database.superuser_url());
    let url = ("STRONGROOM_DATABASE_URL", url.as_str());
    let list = |name: &str, value: &str| run(&["org", "list"], &[url, (name, value)]);
    let variable = "STRONGROOM_ROOT_KEY_PASSPHRASE";
    list(variable, "correct horse battery staple\n").assert_success();
    for value in [
        "correct horse battery staple",
        "correct horse battery staple\r\n",
    ] {
        let listed = list(variable, value);
        listed.assert_success();
        assert_eq!(listed.stderr, "");
    }
    let file = format!("{}\n", file.display());
    list("STRONGROOM_ROOT_KEY_PASSPHRASE_FILE", &file).assert_success();
}

#[test]
fn unknown_names_are_refused_with_the_one_that_was_meant() {
    let said = refusal(&[], &[("STRONGROOM_POOLSIZE", "5")]);
    let meant = "STRONGROOM_POOLSIZE is not a known setting; did you mean STRONGROOM_POOL_SIZE?";
    assert!(said.contains(meant), "{said}");
    run(&["org", "list"], &[("STRONGROOM_POOLSIZE", "5")]).assert_refused(meant);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("misspelled.toml");
    std::fs::write(&file, "pool_szie = 5\nlog_levle = \"info\"\n").unwrap();
    let said = refusal(&["--config", file.to_str().unwrap()], &[]);
    for meant in ["pool_size", "log_level"] {
        assert!(said.contains(&format!("did you mean {meant}?")), "{said}");
    }
    // A Kubernetes service named `strongroom` adds these to every container.
    let variables = [
        ("STRONGROOM_SERVICE_HOST", "10.0.0.1"),
        ("STRONGROOM_PORT", "tcp://10.0.0.1:8700"),
        ("STRONGROOM_PORT_8700_TCP_PORT", "8700"),
    ];
    let said = refusal(&[], &variables);
    assert!(!said.contains("not a known setting"), "{said}");
}

#[test]
fn connection_errors_name_host_and_port_and_what_to_encode() {
    let list = |url: &str| {
        let variables = [
            ("STRONGROOM_DATABASE_URL", url),
            (
                "STRONGROOM_ROOT_KEY_PASSPHRASE",
                "correct horse battery staple",
            ),
        ];
        run(&["org", "list"], &variables)
    };
    for (url, text) in [
        ("postgresql://u:canary7@127.0.0.1:1/d", "127.0.0.1:1/d: "),
        (
            "postgresql://u@nowhere.invalid/d",
            "nowhere.invalid:5432/d: ",
        ),
        ("postgresql://u:c@nary@canary7/d", "%40"),
        ("postgresql://u:canary7%@h/d", "%25"),
        ("postgresql://u@h/d?passfile=canary7", "database_url_file"),
    ] {
        let finished = list(url);
        finished.assert_refused(text);
        assert!(!finished.stderr.contains(CANARY), "{}", finished.stderr);
    }
}

#[test]
fn all_configuration_errors_are_shown_at_once() {
    let variables = [
        ("STRONGROOM_LISTEN", "everywhere"),
        ("STRONGROOM_POOL_SIZE", "1"),
        ("STRONGROOM_REGION", "eu"),
        ("STRONGROOM_TLS_KEY_FILE", "/nowhere"),
        ("STRONGROOM_ROOT_KEY", "canary7"),
    ];
    let said = refusal(&["--workers", "none"], &variables);
    for setting in [
        "listen",
        "pool_size",
        "region",
        "tls_key_file",
        "workers",
        "root_key",
        "database_url",
    ] {
        assert!(
            said.contains(&format!("error: configuration: {setting} ")),
            "{said}"
        );
    }
    assert!(!said.contains(CANARY), "{said}");
}
