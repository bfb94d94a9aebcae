//! Checks of certificates: the database's, the trusted ones in a file, and the server's own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use strongroom_e2e::{OwnCluster, eventually};

use super::Patient;

const LIMIT: Duration = Duration::from_secs(30);

/// A self-signed certificate for 127.0.0.1 and its key. It is valid from 1 January of the year
/// `from` to 1 January of the year `to`.
fn certificate(from: i32, to: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// Makes `cluster` present the certificate.
async fn show(cluster: &OwnCluster, patient: &Patient, (certificate, key): &(String, String)) {
    let data = cluster.folder().join("postgres");
    let owner = fs::metadata(&data).unwrap();
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let file = data.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    patient.sql("alter system set ssl = on").await;
    patient.sql("select pg_reload_conf()").await;
}

#[tokio::test]
async fn certificates_that_have_ended_or_are_not_accepted_are_failures() {
    let cluster = OwnCluster::start().await;
    let patient = Patient::on(cluster.database());
    let (valid, ended) = (certificate(2020, 4000), certificate(2020, 2021));
    let roots = patient.path("roots.pem");
    let url = |options: &str| format!("{}?{options}", patient.database.app_url());
    let verified = url(&format!("sslmode=verify-full&sslrootcert={roots}"));
    let examine = |url: &str| patient.examine_with(&[("STRONGROOM_DATABASE_URL", url)]);

    show(&cluster, &patient, &valid).await;
    let required = url("sslmode=require");
    eventually("PostgreSQL accepts TLS", LIMIT, async || {
        examine(&required).success
    })
    .await;
    examine(&required).says("certificate", "ok", "is valid until 4000-01-01");
    fs::write(&roots, format!("{}{}", ended.0, valid.0)).unwrap();
    let found = examine(&verified);
    found.is_healthy();
    found.says("database_tls", "ok", "");
    found.says("certificate", "note", "expired at 2021-01-01");

    fs::write(&roots, &certificate(2020, 4000).0).unwrap();
    let found = examine(&verified);
    let advice = found.says("certificate", "failure", "is not accepted");
    assert!(advice.contains("openssl s_client"));
    found.says("database", "failure", "127.0.0.1");

    fs::write(&roots, &ended.0).unwrap();
    let advice = examine(&verified);
    let advice = advice.says("certificate", "failure", &roots);
    assert!(advice.contains("replace it"));
    fs::write(&roots, "nonsense").unwrap();
    examine(&verified).says("certificate", "failure", "cannot be read");

    show(&cluster, &patient, &ended).await;
    eventually("PostgreSQL presents the expired one", LIMIT, async || {
        !examine(&required).success
    })
    .await;
    examine(&required).says("certificate", "failure", "expired at 2021-01-01");
}

#[tokio::test]
async fn the_servers_own_certificate_is_checked() {
    let patient = Patient::new().await;
    let (cert, key) = (patient.path("tls.pem"), patient.path("tls.key"));
    let examine = |(certificate, private): &(String, String)| {
        fs::write(&cert, certificate).unwrap();
        fs::write(&key, private).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        patient.examine_with(&[
            ("STRONGROOM_TLS_CERT_FILE", &cert),
            ("STRONGROOM_TLS_KEY_FILE", &key),
        ])
    };
    let found = examine(&certificate(2020, 4000));
    found.is_healthy();
    found.says("certificate", "ok", "is valid until 4000-01-01");
    let advice = examine(&certificate(2020, 2021));
    let advice = advice.says("certificate", "failure", "expired at 2021-01-01");
    assert!(advice.contains("replace it"));
}
