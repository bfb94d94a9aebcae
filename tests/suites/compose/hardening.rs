use serde_json::{Value, json};
use strongroom_e2e::Deployment;

/// Checks that no container has root, capabilities or a writable file system, that each has limits,
/// and that `docker inspect` shows no secret.
pub(super) fn containers_may_do_little(deployment: Deployment) {
    let config = deployment.compose(&["--profile", "*", "config", "--format", "json"]);
    let config: Value = serde_json::from_str(&config).unwrap();
    let services = config["services"].as_object().unwrap();
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        let options = json!(["no-new-privileges:true"]);
        assert_eq!(service["security_opt"], options, "{name}");
        for limit in ["cpus", "memory", "pids"] {
            let limit = &service["deploy"]["resources"]["limits"][limit];
            assert!(!limit.is_null(), "{name}");
        }
        assert!(service["privileged"].is_null(), "{name}");
        let secrets = service["secrets"].as_array().into_iter().flatten();
        let holds = |wanted: &str| secrets.clone().any(|secret| secret["source"] == wanted);
        let opens = name.starts_with("strongroom-") || name == "owner";
        assert_eq!(holds("root.key"), opens, "{name}");
        assert!(!holds("backup.key") && !holds("backup.identity"), "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}");
            assert!(!name.starts_with("postgres"), "{name} has a public port");
        }
    }
    for name in deployment.compose(&["ps", "--services"]).lines() {
        let user = deployment.compose(&["exec", "-T", name, "id", "-u"]);
        assert_ne!(user.trim(), "0", "{name}");
        let status = deployment.compose(&["exec", "-T", name, "cat", "/proc/1/status"]);
        for line in ["CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
            assert!(status.contains(line), "{name}: {status}");
        }
    }
    let all = config.to_string();
    for name in ["app.password", "owner.password", "root.key"] {
        let secret = deployment.secret(name);
        let secret = secret.trim_end().rsplit(':').next().unwrap();
        assert!(!all.contains(secret), "{name} is in the configuration");
    }
}
