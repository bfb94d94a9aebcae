use nix::sys::resource::{Resource, getrlimit};
use strongroom_storage::DatabaseUrl;
use strongroom_web::settings::HttpSettings;

use super::certificates;
use super::finding::{Finding, or_ok, unchecked};
use crate::file_limit::files_for;
use crate::settings::examine::Examined;

const CHECK: &str = "configuration";

/// Findings about the settings themselves, without a connection to anything.
pub(super) fn findings(examined: &Examined) -> Vec<Finding> {
    let problems = examined.problems.iter().map(|problem| {
        let advice = "set it as the message says; docs/configuration.md lists every setting";
        let problem = problem.to_string();
        let problem = problem.strip_prefix("configuration: ").unwrap_or(&problem);
        Finding::failure(CHECK, problem, advice)
    });
    let ok = "all settings can be read";
    let mut findings = or_ok(problems.collect(), CHECK, ok);
    let database = examined.database.as_ref();
    let named = database.map(|database| ("database_url", &database.url));
    let regions = examined.regions.all.iter();
    let all = named
        .into_iter()
        .chain(regions.map(|region| (region.name.as_str(), &region.url)));
    for (name, url) in all {
        findings.extend(connection(name, url));
    }
    if let Some(tls) = &examined.tls {
        findings.extend(certificates::pem_file("tls_cert_file", &tls.cert));
        if let Some(roots) = &tls.client_ca {
            findings.extend(certificates::roots_file("tls_client_ca_file", roots));
        }
    }
    if let Some(http) = &examined.http {
        let connections = database.map_or(0, |database| database.pool_size);
        findings.push(open_files(http, connections));
    }
    findings
}

// Whether the connection is protected, and the roots for the server's certificate.
fn connection(name: &str, url: &DatabaseUrl) -> Vec<Finding> {
    let check = "database_tls";
    let mut findings = vec![if url.is_exposed() {
        Finding::warning(
            check,
            format!(
                "the connection to {} can be read or impersonated on the network",
                url.redacted()
            ),
            "add sslmode=verify-full to the URL, and sslrootcert=FILE unless the system knows the \
             authority",
        )
    } else {
        Finding::ok(
            check,
            format!("the connection to {} stays on this machine, or is verified", url.redacted()),
        )
    }
    .about(name)];
    if let Some(file) = url.root_certificate_file() {
        let of = format!("sslrootcert of {name}");
        findings.extend(certificates::roots_file(&of, file));
    }
    findings
}

fn open_files(http: &HttpSettings, database_connections: usize) -> Finding {
    let check = "open_files";
    let needed = files_for(http.max_connections, database_connections);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        // A server raises its own limit as far as it may.
        Ok((_, allowed)) => judged(check, allowed, needed),
        Err(error) => unchecked(check, &error.to_string()),
    }
}

fn judged(check: &'static str, allowed: u64, needed: u64) -> Finding {
    if allowed >= needed {
        return Finding::ok(
            check,
            format!("{allowed} files may be open here, and a server needs at most {needed}"),
        );
    }
    Finding::warning(
        check,
        format!(
            "{allowed} files may be open here; a server that is started the same way needs \
             {needed} when it has max_connections clients"
        ),
        format!(
            "raise the limit of the server's process (LimitNOFILE={needed} in its systemd unit, \
             `ulimit -n {needed}` in a shell, or ulimits in Compose), or lower max_connections"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    #[test]
    fn too_few_files_are_a_warning() {
        assert_eq!(judged("open_files", 1024, 1024).level, Level::Ok);
        let few = judged("open_files", 1024, 32_848);
        assert_eq!(few.level, Level::Warning);
        assert!(few.advice.unwrap().contains("LimitNOFILE=32848"));
    }
}
